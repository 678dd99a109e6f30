/* On a terminal, with CAP_SYS_PTRACE: writes to it from a page that is never to be had, and so
 * holds its line discipline for as many seconds as it is told, whoever hangs up. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

int main(int argc, char** argv) {
  signal(SIGHUP, SIG_IGN);
  alarm(argc > 1 ? atoi(argv[1]) : 10);
  const int faults = syscall(SYS_userfaultfd, O_CLOEXEC);
  char* page = mmap(0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  struct uffdio_api api = {UFFD_API};
  struct uffdio_register wanted = {{(unsigned long)page, 4096}, UFFDIO_REGISTER_MODE_MISSING};
  if (faults < 0 || ioctl(faults, UFFDIO_API, &api) || ioctl(faults, UFFDIO_REGISTER, &wanted)) {
    puts("cannot");
    return 1;
  }
  puts("holds");
  fflush(stdout);
  return write(1, page, 100) > 0;
}
