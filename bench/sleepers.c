// Processes to be looked at: COUNT of them, each with a few files open, that wait for the end of
// this one. Every tenth has namespaces of its own, up to 100. Says "ready" when all are there.
//   sleepers COUNT
#define _GNU_SOURCE
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

static int must(int value, const char* what) {
  if (value == -1) {
    perror(what);
    exit(1);
  }
  return value;
}

int main(int count, char** arguments) {
  if (count != 2) return 2;
  const int processes = atoi(arguments[1]);
  int said[2];
  must(pipe(said), "pipe");
  for (int i = 0; i < processes; i++) {
    if (must(fork(), "fork") != 0) continue;
    must(prctl(PR_SET_PDEATHSIG, SIGKILL), "prctl");
    if (i % 10 == 0 && i < 1000)
      must(unshare(CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWNET), "unshare");
    must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
    must(write(said[1], "", 1), "write");
    for (;;) pause();
  }
  char byte;
  for (int i = 0; i < processes; i++) must(read(said[0], &byte, 1), "read");
  puts("ready");
  fflush(stdout);
  for (;;) pause();
}
