/* Runs a program whose system calls are made to fail, one at a time: supervisor PROGRAM [ARGUMENT
 * ...]. A seccomp filter with a notifier (seccomp_unotify(2), Linux 5.19) stops the calls listed
 * below in the program and in all that it starts; whose call it is, the code that made it says.
 * Needs root.
 *
 * The program writes a command to fd 8 and closes the fd `kBegin`, which there is not; at the end
 * it closes `kEnd`, and reads the answer from fd 9, which ends with a line of one dot: "list" each
 * call site of the library, and how often it was reached "fail SITE OCCURRENCE ERRNO" how often the
 * call was made to fail: 1, or 0 if it was not reached A site is "WHO MODULE+OFFSET CALL": of the
 * addon the offset is that of the code that called libc.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sites.h"

#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif

enum { kBegin = 0x7f000001, kEnd = 0x7f000002, kCommands = 8, kAnswers = 9 };

static void must(int fine, const char* what) {
  if (fine) return;
  perror(what);
  exit(3);
}

/* ---- in the program, before it is one ---- */

static int install_filter(void) {
#if defined(__x86_64__)
  const uint32_t machine = AUDIT_ARCH_X86_64;
#else
  const uint32_t machine = AUDIT_ARCH_AARCH64;
#endif
  struct sock_filter code[kCalls + 9];
  int n = 0;
  const int notify = kCalls + 7; /* the index of the last instruction */
  code[n++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
  code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, machine, 1, 0);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  code[n++] =
      (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
  /* close: by its argument */
  code[n++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[0].number, 0, 2);
  code[n++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
                                           offsetof(struct seccomp_data, args[0]));
  code[n] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, kBegin, notify - n - 1,
                                         notify - n - 2);
  n++;
  for (int i = 1; i < kCalls; i++, n++) {
    code[n] =
        (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, calls[i].number, notify - n - 1, 0);
  }
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
  must(n == notify, "filter");
  code[n++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
  struct sock_fprog program = {n, code};
  if (geteuid() != 0) must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "prctl");
  return syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                 SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                 &program);
}

/* ---- the window ---- */

enum { kSites = 4096 };
static struct {
  char name[96];
  int count;
} sites[kSites];
static int site_count, open_window, listing, wanted_occurrence, wanted_error, fired;
static char wanted[96];

static int count(const char* name) {
  for (int i = 0; i < site_count; i++) {
    if (strcmp(sites[i].name, name) == 0) return ++sites[i].count;
  }
  if (site_count == kSites) return 0;
  snprintf(sites[site_count].name, sizeof sites->name, "%s", name);
  return sites[site_count++].count = 1;
}

static void begin(void) {
  char text[256];
  const ssize_t length = read(kCommands, text, sizeof text - 1);
  text[length < 0 ? 0 : length] = 0;
  site_count = fired = watching = 0;
  listing = strncmp(text, "list", 4) == 0;
  wanted[0] = 0;
  if (!listing) {
    char who[16], where[48], call[32];
    must(sscanf(text, "fail %15s %47s %31s %d %d", who, where, call, &wanted_occurrence,
                &wanted_error) == 5,
         "command");
    snprintf(wanted, sizeof wanted, "%s %s %s", who, where, call);
  }
  addon_to = 0;
  find_mapping(runner, "/addon.node", 0, &addon_from, &addon_to, &addon_base);
  open_window = 1;
}

static void end(void) {
  open_window = 0;
  FILE* answer = fdopen(dup(kAnswers), "w");
  if (listing) {
    for (int i = 0; i < site_count; i++) fprintf(answer, "%s %d\n", sites[i].name, sites[i].count);
  } else {
    fprintf(answer, "%d\n", fired);
  }
  fprintf(answer, ".\n");
  fclose(answer);
}

static int error_for(const struct seccomp_notif* call) {
  if (call->data.nr == SYS_close) {
    if (call->data.args[0] == kBegin) begin();
    if (call->data.args[0] == kEnd) end();
    return 0;
  }
  char site[96];
  if (!open_window || !site_of(call, site, sizeof site)) return 0;
  const int occurrence = count(site);
  if (listing || strcmp(site, wanted) != 0 || occurrence != wanted_occurrence) return 0;
  fired++;
  return wanted_error;
}

static void serve(int listener, int pidfd) {
  for (;;) {
    struct pollfd ready[] = {{listener, POLLIN, 0}, {pidfd, POLLIN, 0}};
    poll(ready, 2, -1);
    if (ready[1].revents != 0) return;
    if ((ready[0].revents & POLLIN) == 0) continue;
    struct seccomp_notif call;
    memset(&call, 0, sizeof call);
    if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &call) == -1)
      continue; /* it has ended meanwhile */
    struct seccomp_notif_resp answer = {call.id, 0, 0, SECCOMP_USER_NOTIF_FLAG_CONTINUE};
    const int error = error_for(&call);
    if (error != 0) answer.error = -error, answer.flags = 0;
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &answer);
  }
}

/* fds that are in the way of no others, whatever there was when we were started. */
static void place(int from, int to) { must(dup2(from, to) == to && close(from) == 0, "dup2"); }

int main(int argc, char** argv) {
  if (argc < 2) return 2;
  close_range(3, ~0U, 0);
  enum { kAside = 20 };
  int pipes[2];
  must(pipe(pipes) == 0, "pipe");
  place(pipes[0], kAside), place(pipes[1], kCommands);
  must(pipe(pipes) == 0, "pipe");
  place(pipes[0], kAside + 1), place(pipes[1], kAside + 2);
  fcntl(kAside + 2, F_SETPIPE_SZ, 1 << 20);
  runner = fork();
  must(runner >= 0, "fork");
  if (runner == 0) {
    place(kAside + 1, kAnswers);
    close_range(kAnswers + 1, ~0U, 0);
    /* Its number is the lowest that is free, and it is closed by the exec. */
    must(install_filter() >= 0, "seccomp");
    raise(SIGSTOP);
    execvp(argv[1], argv + 1);
    _exit(127);
  }
  int status;
  must(waitpid(runner, &status, WUNTRACED) == runner && WIFSTOPPED(status), "waitpid");
  const int pidfd = syscall(SYS_pidfd_open, runner, 0);
  const int listener = syscall(SYS_pidfd_getfd, pidfd, 3, 0);
  must(listener >= 0, "pidfd_getfd");
  place(kAside, kCommands), place(kAside + 2, kAnswers);
  fcntl(kCommands, F_SETFL, O_NONBLOCK);
  kill(runner, SIGCONT);
  serve(listener, pidfd);
  waitpid(runner, &status, 0);
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  fprintf(stderr, "ended by %s\n", strsignal(WTERMSIG(status)));
  return 128 + WTERMSIG(status);
}
