/* Forks a process that does something for the launcher outside of what is joined and created. */
#include "helper.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/prctl.h>

#include "channel.h"
#include "create.h"
#include "signals.h"
#include "syscalls.h"

int has_ended_well(long child) {
  int status = 0;
  long done;
  do {
    done = CALL4(wait4, child, &status, 0, 0);
  } while (done == -EINTR);
  return done == child && status == 0;
}

/* What fails is reported to the launcher: `channel` is its socket. With it we end, stopped or not.
 */
static void help(void (*work)(int self), int self) {
  char go;
  CALL(prctl, PR_SET_PDEATHSIG, SIGKILL_NUMBER, 0, 0, 0);
  long asked_to;
  do {
    asked_to = CALL3(read, channel, &go, 1);
  } while (asked_to == -EINTR);
  if (asked_to < 0) fail(LAUNCH_RECEIVE, asked_to, 0);
  if (asked_to != 1) quit(1);
  work(self);
  say(channel, "", 1);
  quit(0);
}

void start_helper(struct helper* helper, void (*work)(int self)) {
  struct statfs system;
  int pair[2];
  const long proc =
      made(CALL4(openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), CREATE_PROC);
  made(CALL2(fstatfs, proc, &system), CREATE_PROC);
  if (system.f_type != PROC_SUPER_MAGIC) made(-ENOTDIR, CREATE_PROC);
  const long self =
      made(CALL4(openat, proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), CREATE_PROC);
  CALL1(close, proc);
  made(CALL4(socketpair, 1 /* AF_UNIX */, 1 | O_CLOEXEC /* SOCK_STREAM */, 0, pair), CREATE_HELPER);
  helper->pid = made(CALL(clone, SIGCHLD_NUMBER, 0, 0, 0, 0), CREATE_HELPER);
  if (helper->pid == 0) {
    forks = 0;
    CALL1(close, pair[0]);
    CALL1(close, channel);
    channel = pair[1];
    help(work, (int)self);
  }
  CALL1(close, self);
  CALL1(close, pair[1]);
  helper->socket = pair[0];
}

void ask_helper(const struct helper* helper, int let_it_look) {
  if (helper->pid == 0) return;
  if (let_it_look) CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  const long sent = say(helper->socket, "", 1);
  if (sent < 0 && sent != -EPIPE) made(sent, CREATE_HELPER); /* EPIPE: it has failed already */
  has_ended_well(helper->pid);
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

void hear_helper(const struct helper* helper) {
  if (helper->pid == 0) return;
  struct launch_report words;
  long length;
  do {
    length = CALL3(read, helper->socket, &words, sizeof words);
  } while (length == -EINTR);
  CALL1(close, helper->socket);
  if (length == sizeof words) fail(words.step, words.error, words.detail);
  if (length != 1) made(length < 0 ? length : -EIO, CREATE_HELPER);
}
