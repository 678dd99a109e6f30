/* The part of launcher.c that forks a helper: a process that stays outside of what is joined and
 * created, with our rights there, and does something for the launcher when it is asked to. Included
 * once.
 *
 * It reaches the launcher by a descriptor of its directory in /proc, opened before anything is
 * joined: afterwards, /proc is any other.
 */
#pragma once

struct helper {
  long pid; /* 0: there is none */
  int socket;
};

static int own_files; /* the files of a process that nobody may look into are root's, we are not */

static int has_ended_well(long child) {
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

static void start_helper(struct helper* helper, void (*work)(int self)) {
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

/* Waits until it is done. It has to be able to look into us; nobody else is here to do so. */
static void ask_helper(const struct helper* helper, int let_it_look) {
  if (helper->pid == 0) return;
  if (let_it_look) CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  const long sent = say(helper->socket, "", 1);
  if (sent < 0 && sent != -EPIPE) made(sent, CREATE_HELPER); /* EPIPE: it has failed already */
  has_ended_well(helper->pid);
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
}

/* What it met, as our own failure: whoever goes on as the program asks this. */
static void hear_helper(const struct helper* helper) {
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
