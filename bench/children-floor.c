/* The floor for a spawn with namespaces: clone(VM|VFORK), setns by pidfd, exec, reap. Joining pid
 * takes a setns of the calling thread around the clone, as in the cheapest way there is.
 * children-floor PID RUNS TYPES: prints the microseconds of each run, one a line. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static int pidfd, types;
static char stack[65536];
extern char** environ;

static int child(void* unused) {
  char* argv[] = {"/bin/true", NULL};
  (void)unused;
  if (types != 0 && syscall(SYS_setns, pidfd, types) == -1) _exit(1);
  execve(argv[0], argv, environ); /* that of Node has as much in it */
  _exit(127);
}

int main(int argc, char** argv) {
  pidfd = (int)syscall(SYS_pidfd_open, atoi(argv[1]), 0);
  const int runs = atoi(argv[2]);
  const char* names[] = {"cgroup", "ipc", "mnt", "net", "pid", "uts"};
  const int flags[] = {CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNS,
                       CLONE_NEWNET,    CLONE_NEWPID, CLONE_NEWUTS};
  int pid = 0;
  for (int i = 3; i < argc; i++) {
    for (int n = 0; n < 6; n++) {
      if (strcmp(argv[i], names[n])) continue;
      if (flags[n] == CLONE_NEWPID)
        pid = 1;
      else
        types |= flags[n];
    }
  }
  const int own = open("/proc/self/ns/pid", O_RDONLY | O_CLOEXEC);
  for (int i = 0; i < runs; i++) {
    struct timespec begin, end;
    int status;
    clock_gettime(CLOCK_MONOTONIC, &begin);
    if (pid && syscall(SYS_setns, pidfd, CLONE_NEWPID) == -1) return 1;
    const int made = clone(child, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);
    if (pid) syscall(SYS_setns, own, CLONE_NEWPID);
    if (made == -1 || waitpid(made, &status, 0) != made || status != 0) return 1;
    clock_gettime(CLOCK_MONOTONIC, &end);
    printf("%.1f\n", (end.tv_sec - begin.tv_sec) * 1e6 + (end.tv_nsec - begin.tv_nsec) / 1e3);
  }
  return 0;
}
