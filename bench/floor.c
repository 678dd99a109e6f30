// The least that the system calls cost: the same work as a row of the benchmark, without Node.
//   floor switch ROUNDS PATH...  setns into each path's network namespace in turn, and back
//   floor open ROUNDS PATH       open, setns, setns back, close
// Prints the nanoseconds for one there and back.
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static int must(int value, const char* what) {
  if (value == -1) {
    perror(what);
    exit(1);
  }
  return value;
}

static int open_namespace(const char* path) { return must(open(path, O_RDONLY | O_CLOEXEC), path); }

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * 1e9 + time.tv_nsec;
}

int main(int count, char** arguments) {
  if (count < 4) return 2;
  const int rounds = atoi(arguments[2]);
  char** paths = arguments + 3;
  const int many = count - 3;
  const int home = open_namespace("/proc/thread-self/ns/net");
  double start = 0;
  if (strcmp(arguments[1], "switch") == 0) {
    int* fds = malloc(many * sizeof *fds);
    for (int i = 0; i < many; i++) fds[i] = open_namespace(paths[i]);
    for (int i = -rounds / 10; i < rounds; i++) {
      if (i == 0) start = now();
      must(setns(fds[abs(i) % many], CLONE_NEWNET), "setns");
      must(setns(home, CLONE_NEWNET), "setns");
    }
  } else {
    for (int i = -rounds / 10; i < rounds; i++) {
      if (i == 0) start = now();
      const int fd = open_namespace(paths[0]);
      must(setns(fd, CLONE_NEWNET), "setns");
      must(setns(home, CLONE_NEWNET), "setns");
      close(fd);
    }
  }
  printf("%.1f\n", (now() - start) / rounds);
  return 0;
}
