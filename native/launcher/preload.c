/* The launcher inside of a Node that is about to start: a shared object that the addon puts into
 * LD_PRELOAD of the host's own node, which is executed on the host. Every library is mapped by then
 * and no thread has been started, so its constructor can join all eight types. It takes the
 * launcher's steps in the launcher's order, but for the last: where that would execute a program,
 * this returns to the node that is in memory already. So no file of the host has to be in there.
 *
 * Until the last fork no process inside can see this one, whatever its capabilities: it is in no
 * joined pid namespace. The child of that fork has nothing left of ours, neither fds nor rights.
 * Not linked with a C library: what it uses of the one in this process is weak.
 */
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/prctl.h>
#include <linux/sched.h>
#include <linux/stat.h>

#include "channel.h"
#include "create.h"
#include "credentials.h"
#include "directory.h"
#include "files.h"
#include "fork.h"
#include "join.h"
#include "signals.h"
#include "syscalls.h"

#define RTLD_NOW_NUMBER 2
#define RTLD_NEXT_VALUE ((void*)-1L)
#define THREAD_WORDS 256

__attribute__((weak)) int __nss_configure_lookup(const char* database, const char* services);
__attribute__((weak)) void* dlopen(const char* name, int flags);
__attribute__((weak)) void* dlsym(void* handle, const char* name);
__attribute__((weak)) unsigned long pthread_self(void);
__attribute__((weak)) extern char** environ;

/* On the stack are argc, argv, a zero, envp; musl tells constructors none of it. */
static const char* first_argument(void) {
  char** argv = environ - 1;
  for (long argc = 0; (long)argv[-1] != argc; argc++) argv--;
  return argv[0];
}

/* ---- what must not be asked of the container ---- */

/* They were for the loader, which has read them; nothing that this node starts needs them. */
static void clean_environment(void) {
  char** kept = environ;
  for (char** pair = environ; *pair != 0; pair++) {
    const char* name = *pair;
    if (name[0] != 'L' || name[1] != 'D' || name[2] != '_') *kept++ = *pair;
  }
  *kept = 0;
}

/* nsswitch.conf says which modules the C library loads to look up names, and nscd answers in their
 * place: the container's own would run here, or be believed. Before glibc 2.34 "files" and "dns"
 * are modules, too: those of the host, loaded now, are found by their names later. */
static void look_names_up_without_modules(void) {
  static const char* const databases[] = {
      "aliases", "ethers",    "group",     "gshadow", "initgroups", "netgroup", "networks",
      "passwd",  "protocols", "publickey", "rpc",     "services",   "shadow",   0};
  if (__nss_configure_lookup == 0) return;
  for (int i = 0; databases[i] != 0; i++) __nss_configure_lookup(databases[i], "files");
  __nss_configure_lookup("hosts", "files dns");
  if (dlopen == 0) return;
  dlopen("libnss_files.so.2", RTLD_NOW_NUMBER);
  dlopen("libnss_dns.so.2", RTLD_NOW_NUMBER);
}

/* Node opens its debugger at this signal, in the container's network, where everybody who may send
 * the one could use the other. Its handler is the first that is asked for. */
struct sigaction;
int sigaction(int signal, const struct sigaction* action, struct sigaction* before);
__attribute__((visibility("default"))) int sigaction(int signal, const struct sigaction* action,
                                                     struct sigaction* before) {
  static int (*next)(int, const struct sigaction*, struct sigaction*);
  static int refused;
  const long handler = action == 0 ? 0 : *(const long*)action;
  if (asked(LAUNCH_NO_DEBUGGER) && signal == SIGUSR1_NUMBER && handler > 1 && !refused) {
    const struct {
      long handler, flags, restorer;
      uint64_t mask;
    } ignore = {1, 0, 0, 0};
    refused = 1;
    CALL4(rt_sigaction, signal, &ignore, 0, sizeof ignore.mask);
    return 0;
  }
  if (next == 0) *(void**)&next = dlsym(RTLD_NEXT_VALUE, "sigaction");
  return next(signal, action, before);
}

/* ---- is this really where it was to go? ---- */

struct identity {
  uint64_t inode;
  uint32_t major, minor;
};

static struct identity identity_of(long directory, const char* path, int flags) {
  struct statx stat;
  must(CALL(statx, directory, path, flags, STATX_INO, &stat), LAUNCH_CHECK);
  return (struct identity){stat.stx_ino, stat.stx_dev_major, stat.stx_dev_minor};
}

static int same(struct identity one, struct identity other) {
  return one.inode == other.inode && one.major == other.major && one.minor == other.minor;
}

#define TYPES 8
static const struct {
  uint32_t type;
  const char* path;
} links[TYPES] = {
    {CLONE_NEWUSER, "thread-self/ns/user"}, {CLONE_NEWCGROUP, "thread-self/ns/cgroup"},
    {CLONE_NEWIPC, "thread-self/ns/ipc"},   {CLONE_NEWUTS, "thread-self/ns/uts"},
    {CLONE_NEWNET, "thread-self/ns/net"},   {CLONE_NEWPID, "thread-self/ns/pid"},
    {CLONE_NEWNS, "thread-self/ns/mnt"},    {CLONE_NEWTIME, "thread-self/ns/time"}};

/* By the host's /proc: that of the target says what it likes. */
static struct identity own_namespace(long proc, uint32_t type) {
  for (int i = 0; i < TYPES; i++) {
    if (links[i].type == type) return identity_of(proc, links[i].path, 0);
  }
  fail(LAUNCH_CHECK, -EINVAL, (int)type);
}

/* The types that were joined, for certain. Of pid what counts is where a child will be. */
static uint32_t join_and_check(long proc) {
  struct identity wanted[LAUNCH_JOINS];
  uint32_t types = 0;
  for (int i = 0; i < LAUNCH_JOINS; i++) {
    if (launch->joins[i] < 0) continue;
    types |= launch->types[i];
    wanted[i] = identity_of(launch->joins[i], "", AT_EMPTY_PATH);
  }
  join(0);
  for (int i = 0; i < LAUNCH_JOINS; i++) {
    const uint32_t type = launch->types[i];
    const int on_the_way = i + 1 < LAUNCH_JOINS && launch->types[i + 1] == CLONE_NEWUSER;
    if (!(types & type) || on_the_way) continue;
    const struct identity now = type == CLONE_NEWPID
                                    ? identity_of(proc, "thread-self/ns/pid_for_children", 0)
                                    : own_namespace(proc, type);
    if (!same(wanted[i], now)) fail(LAUNCH_CHECK, -EXDEV, (int)type);
  }
  return types;
}

/* ---- forks ---- */

/* The C library keeps the number of its thread in the thread's descriptor, and its own fork() would
 * set it right; that cannot make a child of Node's. In every one it follows a pointer, so its
 * address is a multiple of eight. Other words are not looked at: the descriptor begins with
 * pointers, whose upper half, such as 0x7fff, is the number of a thread sooner or later. */
static int* number_of_thread(void) {
  const int number = (int)CALL0(gettid);
  int* words = pthread_self == 0 ? 0 : (int*)pthread_self();
  for (int i = 0; words != 0 && i < THREAD_WORDS; i += 2) {
    if (words[i] == number) return words + i;
  }
  fail(LAUNCH_CLONE, -ENOSYS, 0);
}

static void fork_in_node(void (*fork)(void)) {
  int* number = number_of_thread();
  fork();
  *number = (int)CALL0(gettid);
}

static void fork_last(void) {
  static struct launch_report nobody; /* is left to hear it: its end says enough */
  if (clone_joined(0, &nobody) > 0) quit(0);
}

/* Nobody is in new namespaces but us: that fork can come at once, and has to, as what comes next (a
 * new /proc) is the child's to do. */
static uint32_t create_and_check(long proc) {
  struct identity before[TYPES];
  for (int i = 0; i < TYPES; i++) {
    if (launch->unshare & links[i].type) before[i] = own_namespace(proc, links[i].type);
  }
  create_namespaces();
  if (asked(LAUNCH_FORK_CREATED)) fork_in_node(fork_created);
  for (int i = 0; i < TYPES; i++) {
    const uint32_t type = links[i].type;
    if ((launch->unshare & type) && same(before[i], own_namespace(proc, type))) {
      fail(LAUNCH_CHECK, -EXDEV, (int)type);
    }
  }
  return launch->unshare;
}

/* A process that is inside cannot see whether its parent is still there, and has no file to ask it.
 * But the other ends of its pipes for answers and requests (src/worker/channel.ts) close when we
 * end: it looks at them once, after it has set its own signal; later, node does at the one that it
 * reads. */
static void end_with_pipes(void) {
  struct {
    int file;
    short events, seen;
  } polls[] = {{3, 0, 0}, {4, 0, 0}};
  const struct { long seconds, nanoseconds; } now = {0, 0};
  if (CALL(ppoll, polls, 2, &now, 0, 0) <= 0) return;
  for (int i = 0; i < 2; i++) {
    if (polls[i].seen & (8 /* POLLERR */ | 16 /* POLLHUP */)) quit(137);
  }
}

/* ---- from top to bottom ---- */

__attribute__((constructor)) static void enter(void) {
  channel = number(first_argument());
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  clean_environment();
  receive();
  reset_signals();
  share_forks();
  look_names_up_without_modules();

  prepare_creation();
  const long proc =
      must(CALL4(openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), LAUNCH_CHECK);
  uint32_t seen = join_and_check(proc);
  if (launch->unshare & NEW_CGROUP) enter_cgroups();
  seen |= create_and_check(proc);

  arrange_files();
  if (asked(LAUNCH_SETSID)) must(CALL0(setsid), LAUNCH_NEW_SESSION);
  change_directory();

  change_credentials();
  /* For good: nobody inside who is the same user looks into us or traces us. A change of
   * credentials has undone it. */
  must(CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0), LAUNCH_CHECK);
  enter_cgroups();

  const int joined = asked(LAUNCH_FORK_JOINED);
  if (!joined) die_with_parent();
  if (!report(LAUNCH_ENTERED, 0, (int)seen)) quit(137); /* nobody is left to hear it */
  CALL1(close, launch->parent);
  CALL1(close, channel);
  if (!joined) return;
  fork_in_node(fork_last); /* where others see us: last, with nothing of ours */
  die_with_parent();
  end_with_pipes();
}
