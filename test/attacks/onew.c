/* The target, with CAP_SETFCAP at most. Waits until the process of argv[1] is held in a system call
 * by strace, for longer than any other stop, and then makes a user namespace of its own, in which
 * it has all capabilities. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void say(const char* path, const char* text) {
  const int file = open(path, O_WRONLY);
  if (write(file, text, strlen(text)) < 0) perror(path);
  close(file);
}

/* Until the process is held by strace. */
static int watch(const char* pid) {
  char path[64], text[512];
  snprintf(path, sizeof path, "/proc/%s/stat", pid);
  for (int held = 0; held < 60; usleep(1000)) {
    const int file = open(path, O_RDONLY);
    const long length = file < 0 ? -1 : read(file, text, sizeof text - 1);
    close(file);
    if (length <= 0) return -1;
    text[length] = 0;
    const char* state = strrchr(text, ')');
    held = state != NULL && state[2] == 't' ? held + 1 : 0;
  }
  return 0;
}

int main(int argc, char** argv) {
  sigset_t signals;
  int got;
  sigemptyset(&signals);
  sigaddset(&signals, SIGUSR1);
  sigprocmask(SIG_BLOCK, &signals, NULL);
  puts("ready");
  fflush(stdout);
  if (argc == 2 ? watch(argv[1]) : sigwait(&signals, &got)) return 1;
  if (unshare(CLONE_NEWUSER) != 0) perror("unshare");
  /* Who joins another one is to find itself in the maps of this. */
  say("/proc/self/setgroups", "deny");
  say("/proc/self/uid_map", "0 0 1");
  say("/proc/self/gid_map", "0 0 1");
  for (;;) pause();
}
