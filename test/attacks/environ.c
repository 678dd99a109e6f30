/* The target: its environment is argv[2] MiB at an address of its choice (PR_SET_MM_MAP). argv[1]
 * says which: "nothing": pages that nobody has touched. "names": as many short variables as fit.
 * "held": a page that this process, by userfaultfd(2), never gives. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/prctl.h>
#include <linux/userfaultfd.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static unsigned long field[60];

static void read_stat(void) {
  char line[4096];
  FILE* file = fopen("/proc/self/stat", "r");
  line[fread(line, 1, sizeof line - 1, file)] = 0;
  fclose(file);
  int n = 3;
  for (char* word = strtok(strrchr(line, ')') + 2, " "); word; word = strtok(NULL, " ")) {
    field[n++] = strtoul(word, NULL, 10);
  }
}

static void hold(char* memory, unsigned long size) {
  const int fault = (int)syscall(SYS_userfaultfd, O_CLOEXEC);
  struct uffdio_api api = {.api = UFFD_API};
  struct uffdio_register range = {{(uint64_t)memory, size}, UFFDIO_REGISTER_MODE_MISSING, 0};
  if (fault < 0 || ioctl(fault, UFFDIO_API, &api) || ioctl(fault, UFFDIO_REGISTER, &range)) {
    perror("userfaultfd");
    exit(1);
  }
}

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  const unsigned long size = strtoul(argv[2], NULL, 10) << 20;
  char* memory =
      mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  if (!strcmp(argv[1], "held")) hold(memory, size);
  if (!strcmp(argv[1], "names")) {
    for (unsigned long i = 0, n = 0; i + 8 <= size; n++) i += sprintf(memory + i, "%lx=", n) + 1;
  }
  prctl(PR_SET_DUMPABLE, 1);
  read_stat();
  struct prctl_mm_map map = {.start_code = field[26],
                             .end_code = field[27],
                             .start_data = field[45],
                             .end_data = field[46],
                             .start_brk = field[47],
                             .brk = (uint64_t)sbrk(0),
                             .start_stack = field[28],
                             .arg_start = field[48],
                             .arg_end = field[49],
                             .env_start = (uint64_t)memory,
                             .env_end = (uint64_t)memory + size,
                             .exe_fd = -1};
  if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0)) {
    perror("PR_SET_MM_MAP");
    return 1;
  }
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
