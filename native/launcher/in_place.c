/* A launcher that Node has become: what is the caller's stays, and who forks waits. */
#include "in_place.h"

#include <asm/resource.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/poll.h>
#include <linux/prctl.h>

#include "bind.h"
#include "channel.h"
#include "signals.h"
#include "syscalls.h"

static const char title[] = "linux-namespaces";
static char* own_name; /* argv[0], as long as that: what ps(1) shows */

void take_place(char* number) {
  CALL1(close, channel); /* nobody listens */
  channel = -1;
  own_name = number;
}

/* ---- what the caller gave to us ---- */

void close_others(const int32_t* own, int count) {
  const int32_t* kept = at(launch->kept);
  uint32_t known = 0;
  for (uint32_t next = 0;;) {
    uint32_t lowest = ~0u;
    while (known < launch->kept_count && (uint32_t)kept[known] < next) known++;
    if (known < launch->kept_count) lowest = (uint32_t)kept[known];
    for (int i = 0; i < count; i++) {
      const uint32_t file = (uint32_t)own[i]; /* -1 is the highest */
      if (file >= next && file < lowest) lowest = file;
    }
    if (lowest > next)
      must(CALL3(close_range, next, lowest - (lowest != ~0u), 0), LAUNCH_CLOSE_RANGE);
    if (lowest == ~0u) return;
    next = lowest + 1;
  }
}

void keep_files(void) {
  int32_t own[3 + LAUNCH_CGROUPS] = {launch->root, launch->directory, launch->parent};
  const int count = sizeof own / sizeof *own;
  const int32_t* kept = at(launch->kept);
  for (int i = 3; i < count; i++) own[i] = launch->cgroups[i - 3];
  close_others(own, count);
  for (int i = 0; i < count; i++) {
    if (own[i] >= 0) CALL3(fcntl, own[i], F_SETFD, FD_CLOEXEC);
  }
  for (uint32_t i = 0; i < launch->kept_count; i++) {
    CALL3(fcntl, kept[i], F_SETFD, 0);
    if (kept[i] > 2) continue;
    const long wanted = launch->nonblocking >> kept[i] & 1 ? O_NONBLOCK : 0;
    const long flags = CALL3(fcntl, kept[i], F_GETFL, 0);
    if (flags >= 0 && (flags & O_NONBLOCK) != wanted) {
      CALL3(fcntl, kept[i], F_SETFL, flags ^ O_NONBLOCK);
    }
  }
}

void restore(void) {
  if (ignores(SIGCHLD_NUMBER)) handle(SIGCHLD_NUMBER, 1);
  if (launch->open_files == 0) return;
  struct {
    uint64_t soft, hard;
  } limit;
  if (CALL4(prlimit64, 0, RLIMIT_NOFILE, 0, &limit) < 0) return;
  limit.soft = launch->open_files < limit.hard ? launch->open_files : limit.hard;
  CALL4(prlimit64, 0, RLIMIT_NOFILE, &limit, 0);
}

/* ---- who waits ---- */

/* The end of a pipe whose other end our parent alone has: closed before the kernel tells children
 * of their parent's end. So either we see it, or the kernel will tell us. */
static int has_closed(int pipe) {
  struct pollfd poll = {pipe, 0, 0};
  const struct { long seconds, nanoseconds; } none = {0, 0};
  long done;
  do {
    done = CALL(ppoll, &poll, 1, &none, 0, 0);
  } while (done == -EINTR);
  return done > 0;
}

/* As die_with_parent(). */
void die_with_caller(void) {
  must(CALL(prctl, PR_SET_PDEATHSIG, launch->parent_signal, 0, 0, 0), LAUNCH_PDEATHSIG);
  if (launch->parent >= 0 && has_closed(launch->parent)) quit(137);
}

static uint64_t bit(int signal) { return (uint64_t)1 << (signal - 1); }

/* Those that are ours: of the others, the kernel does what it does by default. */
static uint64_t waited_for(void) {
  if (asked(LAUNCH_FORWARD)) {
    return ~(bit(SIGURG_NUMBER) | bit(SIGWINCH_NUMBER) | bit(SIGTTIN_NUMBER) | bit(SIGTTOU_NUMBER));
  }
  return bit(SIGCHLD_NUMBER) | bit(SIGINT_NUMBER) | bit(SIGTERM_NUMBER) | bit(SIGTSTP_NUMBER) |
         bit(SIGCONT_NUMBER);
}

/* SIGCONT is blocked, so it is still to be had after it has continued us. */
static int was_continued(void) {
  const uint64_t signal = bit(SIGCONT_NUMBER);
  const struct { long seconds, nanoseconds; } none = {0, 0};
  return CALL4(rt_sigtimedwait, &signal, 0, &none, sizeof signal) == SIGCONT_NUMBER;
}

/* So that the shell that started us sees it. What continues a whole group comes to us before it
 * comes to the program, or after it: to stop again for its stop then would be one too many. */
static void stop_with(long child) {
  if (!was_continued()) {
    CALL2(kill, CALL0(getpid), SIGSTOP_NUMBER);
    was_continued();
  }
  CALL2(kill, child, SIGCONT_NUMBER);
}

/* What is typed at the terminal has reached the program anyway. Who says nothing of forwarding is
 * not ended by SIGINT and SIGTERM, and hands on nothing: unshare(1). */
static void wait_for_signal(long child, const uint64_t* signals) {
  union {
    struct {
      int32_t signal, error, code;
    } info;
    char bytes[128];
  } received;
  const long signal = CALL4(rt_sigtimedwait, signals, &received, 0, sizeof *signals);
  const int typed = received.info.code > 0 /* SI_KERNEL */;
  if (signal <= 0 || signal == SIGCHLD_NUMBER) return;
  if (signal == SIGCONT_NUMBER || (asked(LAUNCH_FORWARD) && !typed)) {
    CALL2(kill, child, signal);
  } else if (signal == SIGTSTP_NUMBER && !asked(LAUNCH_FORWARD)) {
    stop_with(child);
  }
}

static void end_as(int status) {
  const int signal = status & 127;
  if (signal == 0) quit(status >> 8 & 255);
  if (asked(LAUNCH_SIGNAL_AS_CODE)) quit(128 + signal);
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* the program's core is the one that is wanted */
  handle(signal, 0);
  block(0);
  CALL2(kill, CALL0(getpid), signal);
  quit(128 + signal);
}

/* Stops with the program, and takes it along when it is continued. Who is inside of a joined pid
 * namespace sees nothing of us, and we hold nothing. */
static void follow(long child, int pipe) {
  const uint64_t signals = waited_for();
  launch->kept_count = 0;
  close_others(&pipe, 1);
  for (unsigned i = 0; i < sizeof title - 1 && own_name[i] != 0; i++) own_name[i] = title[i];
  CALL(prctl, PR_SET_NAME, title, 0, 0, 0);
  if (!asked(LAUNCH_FORK_JOINED)) CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  block(launch->blocked | signals);
  for (;;) {
    int status = 0;
    const long done = CALL4(wait4, child, &status, 1 | 2 /* WNOHANG | WUNTRACED */, 0);
    if (done == child && (status & 255) == 127) {
      stop_with(child);
    } else if (done == child) {
      end_as(status);
    } else if (done < 0 && done != -EINTR) {
      quit(1);
    } else if (done == 0) {
      wait_for_signal(child, &signals);
    }
  }
}

void fork_followed(void) {
  int pipe[2] = {-1, -1};
  if (asked(LAUNCH_DIE_WITH_PARENT)) must(CALL2(pipe2, pipe, O_CLOEXEC), LAUNCH_CLONE);
  block(~(uint64_t)0);
  const long child = must(CALL(clone, SIGCHLD_NUMBER, 0, 0, 0, 0), LAUNCH_CLONE);
  if (child > 0) {
    ask_binder();
    follow(child, pipe[1]);
  }
  CALL1(close, pipe[1]);
  launch->parent = pipe[0];
  block(launch->blocked);
}
