/* Root of a user namespace of its own: takes whatever it may from every process that appears, but
 * the standard streams of the program, and says it, a line each. */
#define _GNU_SOURCE
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  (void)argv;
  if (argc > 1) return 0; /* as the program: it opens nothing itself */
  const int base = fork();
  if (base == 0) _exit(0);
  wait(0);
  puts("ready");
  fflush(stdout);
  for (;;) {
    for (int pid = base + 1; pid < base + 9; pid++) {
      const int pidfd = syscall(SYS_pidfd_open, pid, 0);
      if (pidfd < 0) continue;
      for (int fd = 0; fd < 64; fd++) {
        struct stat stat;
        const int taken = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
        if (taken < 0) continue;
        if (fstat(taken, &stat) == 0 && !S_ISCHR(stat.st_mode)) {
          printf("pid %d fd %d %o\n", pid, fd, stat.st_mode & S_IFMT);
          fflush(stdout);
        }
        close(taken);
      }
      close(pidfd);
    }
  }
}
