/* The child half of a spawn: a program without a C library, in one thread, that never allocates.
 * The addon executes it from a sealed memfd with the program's arguments and environment as its own
 * (argv[0] is the number of the channel, the program's arguments follow) and the rest of the
 * request waiting in the channel. It goes through the steps of `start` from top to bottom, and ends
 * as the program. A step that fails is reported, and nothing is run.
 *
 * What it is there for: nothing of Node's memory, files or program ever is in a foreign namespace.
 */
#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "launch.h"
#include "syscalls.h"

#define SIGCHLD_NUMBER 17
#define SIGKILL_NUMBER 9
#define SIGNALS 64
#define PATH_MOST 4096
#define NAME_MOST 255
#define MESSAGE_NO_SIGNAL 0x4000
#define MESSAGE_DONT_WAIT 0x40
#define NEW_MNT 0x00020000u
#define NEW_CGROUP 0x02000000u
#define NEW_USER 0x10000000u

static union {
  struct launch launch;
  char bytes[LAUNCH_MOST];
} message;
static struct launch* const launch = &message.launch;
static int channel;

/* ---- saying what happened ---- */

/* In place of the channel, from the moment on that somebody else may see what we hold. */
static volatile struct launch_report* written;

/* Ours and the addon's, fork.h; what we fork does not have it. */
static volatile struct launch_forks* forks;

/* Who waits for us is woken at once: an end takes its time. */
static void quit(int code) {
  if (forks != 0) {
    forks->over = 1;
    CALL3(futex, &forks->over, 1 /* FUTEX_WAKE */, 1);
  }
  for (;;) CALL1(exit_group, code);
}

/* Where it is memory that is missing, it may be there a moment later: a second is waited for it. */
static long say(int socket, const void* bytes, unsigned long size) {
  const struct { long seconds, nanoseconds; } moment = {0, 10000000};
  long sent = 0;
  for (int attempt = 0; attempt < 100; attempt++) {
    sent = CALL(sendto, socket, bytes, size, MESSAGE_NO_SIGNAL, 0);
    if (sent != -EINTR && sent != -EAGAIN && sent != -ENOMEM && sent != -ENOBUFS) break;
    if (sent != -EINTR) CALL2(nanosleep, &moment, 0);
  }
  return sent;
}

static void* at(uint32_t offset) { return offset == 0 ? 0 : message.bytes + offset; }
static int asked(uint32_t flag) { return (launch->flags & flag) != 0; }

#include "words.h"

/* 0 where nobody has heard it. */
static int report(int step, long error, int detail) {
  struct launch_report words = {step, (int32_t)error, detail};
  if (channel < 0) return explain(step, (int)error, detail);
  if (written == 0) {
    const long said = say(channel, &words, sizeof words);
    /* In place nobody listens; a request that has not come does not say so. */
    return said > 0 || (said == -EPIPE && step == LAUNCH_RECEIVE && explain(step, (int)error, 0));
  }
  *written = words;
  return 1;
}

/* Taking the last byte of the request needs no memory, and says without a word that nothing was
 * executed (launch.h). */
static void fail(int step, long error, int detail) {
  /* In place as nsenter(1): 1, but for what could not be executed. */
  const int other = asked(LAUNCH_IN_PLACE) && step != LAUNCH_EXEC;
  if (!report(step, error, detail)) {
    long more;
    do {
      more = CALL(recvfrom, channel, message.bytes, LAUNCH_MOST, MESSAGE_DONT_WAIT, 0);
    } while (more > 0 || more == -EINTR);
  }
  quit(other ? 1 : error == -ENOENT ? 127 : 126);
}

static long must(long result, int step) {
  if (result < 0) fail(step, result, 0);
  return result;
}

/* ---- the request ---- */

/* Run by anybody but the addon (a script that begins with #!/proc/self/exe), this is no number. */
static int number(const char* text) {
  int value = 0;
  if (*text == 0) quit(127);
  for (; *text != 0; text++) {
    if (*text < '0' || *text > '9' || value > 100000000) quit(127);
    value = value * 10 + (*text - '0');
  }
  return value;
}

static void receive(void) {
  uint32_t size = sizeof(struct launch);
  for (uint32_t have = 0; have < size;) {
    long more = CALL3(read, channel, message.bytes + have, size - have);
    if (more == -EINTR) continue;
    if (more <= 0) fail(LAUNCH_RECEIVE, more < 0 ? more : -EPIPE, 0);
    have += (uint32_t)more;
    if (have >= sizeof(struct launch)) size = launch->size;
    if (size < sizeof(struct launch) || size > LAUNCH_MOST) fail(LAUNCH_RECEIVE, -E2BIG, 0);
  }
}

/* 0: its default, 1: ignored. */
static void handle(int signal, long how) {
  struct {
    long handler, flags, restorer;
    uint64_t mask;
  } action = {how, 0, 0, 0};
  CALL4(rt_sigaction, signal, &action, 0, sizeof action.mask);
}

static void block(uint64_t signals) {
  CALL4(rt_sigprocmask, 2 /* SIG_SETMASK */, &signals, 0, sizeof signals);
}

static int ignores(int signal) { return (launch->ignored >> (signal - 1) & 1) != 0; }

/* An ignored signal stays ignored over an exec, and Node ignores SIGPIPE. All were blocked. Of a
 * child of ours the end is to be seen, so that signal comes last: restore(). */
static void reset_signals(void) {
  for (int signal = 1; signal <= SIGNALS; signal++) {
    handle(signal, signal != SIGCHLD_NUMBER && ignores(signal));
  }
  block(launch->blocked);
}

static void enter_cgroups(void) {
  for (int i = 0; i < LAUNCH_CGROUPS; i++) {
    if (launch->cgroups[i] < 0) continue;
    const long entered =
        CALL3(write, launch->cgroups[i], "0", 1); /* in a frozen one, we stop here */
    if (entered < 0) fail(LAUNCH_CGROUP, entered, i);
    CALL1(close, launch->cgroups[i]);
    launch->cgroups[i] = -1;
  }
}

#ifndef LAUNCHER_IN_NODE
#include "in_place.h"
#endif
#include "credentials.h"
#include "fork.h"
#ifndef LAUNCHER_IN_NODE /* preload.c includes all but the end */
#include "execute.h"
#endif

/* ---- namespaces ---- */

static int is_joined(uint32_t type) {
  for (int i = 0; i < LAUNCH_JOINS; i++) {
    if (launch->types[i] == type) return 1;
  }
  return 0;
}

/* A file system that belongs to the user namespace (FUSE) serves nobody who has no number in it,
 * root neither. So its root directory is entered as its 0, or where there is none as whom the
 * program is to run. Who has no id creates no user namespace, either. It is no matter what becomes
 * of it: change_credentials() sets the ids that were asked for. */
static void take_ids_inside(void) {
  const uint32_t unchanged = ~0u;
  const uint32_t* gid = launch->gid;
  const uint32_t* uid = launch->uid;
  const int kept =
      (asked(LAUNCH_GID) && gid[1] == unchanged) || (asked(LAUNCH_UID) && uid[1] == unchanged);
  const int enters = launch->root >= 0 || is_joined(NEW_MNT);
  if (!(launch->unshare & NEW_USER) && (kept || !enters)) return;
  if (CALL3(setresgid, 0, 0, 0) < 0 && asked(LAUNCH_GID)) CALL3(setresgid, gid[1], gid[1], gid[1]);
  if (CALL3(setresuid, 0, 0, 0) < 0 && asked(LAUNCH_UID)) CALL3(setresuid, uid[1], uid[1], uid[1]);
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* a change of credentials may have undone it */
}

#ifdef LAUNCHER_IN_NODE
#define take_tools(in_user_namespace)
#else
static void take_tools(int in_user_namespace);
#endif

static void join_from(int first, int is_last_try) {
  for (int i = first; i < LAUNCH_JOINS; i++) {
    if (launch->joins[i] < 0) continue;
    const long result = CALL2(setns, launch->joins[i], launch->types[i]);
    if (result >= 0) {
      launch->joins[i] = -1;
    } else if (is_last_try) {
      fail(LAUNCH_SETNS, result, (int)launch->types[i]);
    }
  }
}

/* A user namespace comes last where it takes power away (root going into a container), and first
 * where it gives it (its owner): so try the others without any, and after each of them again what
 * has failed. */
static void join(void) {
  int users = 0;
  while (users < LAUNCH_JOINS && launch->types[users] == NEW_USER) users++;
  if (users > 0) leave_groups();
  join_from(users, users == 0);
  for (int i = 0; i < users; i++) {
    const long result = CALL2(setns, launch->joins[i], NEW_USER);
    if (result < 0) fail(LAUNCH_SETNS, result, NEW_USER);
    take_tools(1);
    join_from(users, i == users - 1);
  }
  if (users > 0) take_ids_inside();
}

/* ---- files ---- */

/* Puts the wanted files at 0..stdio_count-1, our own behind them, and closes all others: before
 * any foreign path is looked at, so that no /proc/self/fd/N in it leads to a file of ours. */
static void arrange_files(void) {
  int32_t* stdio = at(launch->stdio);
  int32_t* some[] = {&channel, &launch->root, &launch->parent, &launch->devices};
  int32_t* own[4 + LAUNCH_CGROUPS];
  const int count = (int)launch->stdio_count;
  int total = count;
  for (int i = 0; i < 4 + LAUNCH_CGROUPS; i++) {
    int32_t* file = i < 4 ? some[i] : &launch->cgroups[i - 4];
    if (*file >= 0) own[total++ - count] = file;
  }
  for (int i = 0; i < total; i++) {
    int32_t* file = i < count ? &stdio[i] : own[i - count];
    if (*file < 0 || *file >= total) continue;
    *file = (int32_t)must(CALL3(fcntl, *file, F_DUPFD_CLOEXEC, total), LAUNCH_DUP);
  }
  for (int i = 0; i < total; i++) {
    int32_t* file = i < count ? &stdio[i] : own[i - count];
    if (*file < 0) {
      CALL1(close, i);
      continue;
    }
    must(CALL3(dup3, *file, i, i < count ? 0 : O_CLOEXEC), LAUNCH_DUP);
    *file = i;
    if (i > 2) continue;
    long flags = CALL3(fcntl, i, F_GETFL, 0); /* a program expects its stdio to block */
    if (flags >= 0 && (flags & O_NONBLOCK)) CALL3(fcntl, i, F_SETFL, flags & ~O_NONBLOCK);
  }
  must(CALL3(close_range, total, ~0u, 0), LAUNCH_CLOSE_RANGE);
}

#include "create.h"
#ifdef LAUNCHER_IN_NODE
#define mount_lacking_proc()
#else
#include "open_below.h"
#include "tools_root.h"
#endif

static void change_directory(void) {
  static char here[PATH_MOST];
  enter_root();
  mount_lacking_proc();
  if (!arrange_mounts() && launch->root_path != 0) {
    must(CALL1(chroot, at(launch->root_path)), LAUNCH_CHROOT);
  }
  if (asked(LAUNCH_FOREIGN)) must(CALL1(chdir, "/"), LAUNCH_CHDIR);
  if (launch->cwd != 0) must(CALL1(chdir, at(launch->cwd)), LAUNCH_CHDIR);
  if (!asked(LAUNCH_FOREIGN)) return;
  /* Outside of the root the kernel says "(unreachable)...", of a deleted directory ENOENT. */
  must(CALL2(getcwd, here, sizeof here), LAUNCH_GETCWD);
  if (here[0] != '/') fail(LAUNCH_GETCWD, -EXDEV, 0);
}

/* ---- from top to bottom ---- */

#ifndef LAUNCHER_IN_NODE
#include "bounds.h"
#include "terminal.h"

/* Who forks into a joined pid namespace does all that it can before: what appears in there has no
 * more rights than the program. Only who is in a pid namespace can mount its /proc, or create one
 * below it. */
static int has_to_be_inside(void) {
  return (launch->unshare & NEW_PID) != 0 || (create != 0 && create->proc != 0);
}

__attribute__((used)) void start(long* stack) {
  const long argc = stack[0];
  char** argv = (char**)(stack + 1);
  char** envp = argv + argc + 1;
  if (argc < 2) quit(127);
  channel = number(argv[0]);
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody looks into us or at our files */
  receive();
  if (asked(LAUNCH_IN_PLACE)) take_place(argv[0]);
  reset_signals();
  share_forks();

  const int joined = asked(LAUNCH_FORK_JOINED);
  prepare_creation();
  prepare_bounds();
  take_tools(0);
  join();
  if (launch->unshare & NEW_CGROUP) enter_cgroups(); /* what it is in will be its root */
  create_namespaces();
  if (asked(LAUNCH_FORK_CREATED) && !joined) {
    fork_created();
  } else {
    ask_binder();
  }
  hear_binder();
  build_tools();
  hold();

  if (asked(LAUNCH_IN_PLACE)) {
    keep_files();
  } else {
    arrange_files();
  }
  const int early = joined && has_to_be_inside();
  if (early) {
    enter_root();
    open_terminal(launch->root_path != 0 ? at(launch->root_path) : "/");
    fork_joined();
  }
  change_directory();
  if (!early) open_terminal("/");
  lower_limits();
  change_credentials();
  if (joined && !early) fork_joined();

  if (asked(LAUNCH_SETSID)) must(CALL0(setsid), LAUNCH_NEW_SESSION);
  control_terminal();
  if (asked(LAUNCH_DIE_WITH_PARENT)) die_with_parent();
  enter_cgroups(); /* last: in a frozen one, we stop here */
  restore();
  const long error = search_and_execute(at(launch->file), argv + 1, envp);
  fail(LAUNCH_EXEC, error, error == -ENOENT ? missing : 0);
}
#endif
