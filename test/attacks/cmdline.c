// A process without rights whose command line is of a size of its choice: cmdline MIB COPIES. The
// copies share its memory, so that they cost nothing. PR_SET_MM_MAP needs no capability.
#define _GNU_SOURCE
#include <linux/prctl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

int main(int count, char** args) {
  const size_t size = (size_t)atoi(args[1]) << 20;
  char* text = mmap(0, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (text == MAP_FAILED) return perror("mmap"), 1;
  memset(text, 'x', size - 1);
  static char stat[4096];
  FILE* file = fopen("/proc/self/stat", "r");
  stat[fread(stat, 1, sizeof stat - 1, file)] = 0;
  unsigned long field[60] = {0};
  int i = 3;
  for (char* at = strrchr(stat, ')') + 2; at && *at;
       at = strchr(at, ' ') ? strchr(at, ' ') + 1 : 0) {
    field[i++] = strtoul(at, 0, 10);
  }
  struct prctl_mm_map map = {.start_code = field[26],
                             .end_code = field[27],
                             .start_stack = field[28],
                             .start_data = field[45],
                             .end_data = field[46],
                             .start_brk = field[47],
                             .brk = (unsigned long)sbrk(0),
                             .arg_start = (unsigned long)text,
                             .arg_end = (unsigned long)text + size,
                             .env_start = field[50],
                             .env_end = field[51],
                             .exe_fd = -1};
  if (prctl(PR_SET_MM, PR_SET_MM_MAP, &map, sizeof map, 0)) return perror("PR_SET_MM_MAP"), 1;
  for (int copy = 1; copy < atoi(args[2]); copy++) {
    if (fork() == 0) {
      prctl(PR_SET_PDEATHSIG, 9);
      for (;;) pause();
    }
  }
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
