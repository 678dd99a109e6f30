/* The first process of a container, with Docker's capabilities and CAP_SYS_PTRACE: its root
 * directory is one without /proc, and it opens the memory of each process that appears, for
 * writing. Says the capabilities that those have, once each. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  char said[64][32] = {{0}};
  int count = 0;
  if (argc < 2) return 0; /* as the program */
  const int proc = open("/proc", O_PATH | O_DIRECTORY);
  if (chroot(argv[1]) < 0 || chdir("/") < 0) return 1;
  const int base = fork();
  if (base == 0) _exit(0);
  wait(0);
  puts("ready");
  fflush(stdout);
  for (;;) {
    for (int pid = base + 1; pid < base + 40; pid++) {
      char path[32], status[4096];
      snprintf(path, sizeof path, "%d/mem", pid);
      const int memory = openat(proc, path, O_RDWR);
      if (memory < 0) continue;
      close(memory);
      snprintf(path, sizeof path, "%d/status", pid);
      const int file = openat(proc, path, O_RDONLY);
      const long length = read(file, status, sizeof status - 1);
      close(file);
      status[length < 0 ? 0 : length] = 0;
      const char* found = strstr(status, "CapEff:");
      char line[32] = {0};
      if (found) sscanf(found, "CapEff: %31s", line);
      int known = 0;
      for (int i = 0; i < count; i++) known |= !strcmp(said[i], line);
      if (known || count == 64) continue;
      strcpy(said[count++], line);
      printf("open %s\n", line);
      fflush(stdout);
    }
  }
}
