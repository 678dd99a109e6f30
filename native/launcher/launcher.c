/* The child half of a spawn: a program without a C library, in one thread, that never allocates.
 * The addon executes it from a sealed memfd with the program's arguments and environment as its own
 * (argv[0] is the number of the channel, the program's arguments follow) and the rest of the
 * request waiting in the channel. It goes through the steps of `start` from top to bottom, and ends
 * as the program. A step that fails is reported, and nothing is run.
 *
 * What it is there for: nothing of Node's memory, files or program ever is in a foreign namespace.
 */
#include <linux/errno.h>
#include <linux/prctl.h>

#include "bind.h"
#include "bounds.h"
#include "channel.h"
#include "create.h"
#include "credentials.h"
#include "directory.h"
#include "execute.h"
#include "files.h"
#include "fork.h"
#include "fork_joined.h"
#include "hold.h"
#include "in_place.h"
#include "join.h"
#include "modes.h"
#include "signals.h"
#include "syscalls.h"
#include "terminal.h"
#include "tools.h"
#include "tools_root.h"

/* Who forks into a joined pid namespace does all that it can before: what appears in there has no
 * more rights than the program. Only who is in a pid namespace can mount its /proc, or create one
 * below it. */
static int has_to_be_inside(void) {
  return (launch->unshare & NEW_PID) != 0 || (create != 0 && create->proc != 0);
}

/* Called by _start below. */
__attribute__((used)) void start(long* stack);

void start(long* stack) {
  const long argc = stack[0];
  char** argv = (char**)(stack + 1);
  char** envp = argv + argc + 1;
  if (argc < 2) quit(127);
  channel = number(argv[0]);
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* nobody looks into us or at our files */
  receive();
  if (asked(LAUNCH_IN_PLACE)) take_place(argv[0]);
  reset_signals();
  keep_modes();
  share_forks();

  const int joined = asked(LAUNCH_FORK_JOINED);
  prepare_creation();
  prepare_bounds();
  take_tools();
  join(take_tools_in_user_namespace);
  if (launch->unshare & NEW_CGROUP) enter_cgroups(); /* what it is in will be its root */
  create_namespaces();
  if (!asked(LAUNCH_FORK_CREATED) || joined) {
    ask_binder();
  } else if (asked(LAUNCH_IN_PLACE)) {
    fork_followed();
  } else {
    fork_created();
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
  enter_root();
  mount_lacking_proc();
  change_directory();
  if (!early) open_terminal("/");
  lower_limits();
  change_credentials();
  if (joined && !early) fork_joined();

  if (asked(LAUNCH_SETSID)) must(CALL0(setsid), LAUNCH_NEW_SESSION);
  control_terminal();
  if (asked(LAUNCH_DIE_WITH_PARENT)) {
    if (asked(LAUNCH_IN_PLACE)) {
      die_with_caller();
    } else {
      die_with_parent();
    }
  }
  enter_cgroups(); /* last: in a frozen one, we stop here */
  restore();
  const long error = search_and_execute(at(launch->file), argv + 1, envp);
  fail(LAUNCH_EXEC, error, error == -ENOENT ? missing : 0);
}

/* The kernel leaves argc, argv and envp on the stack; C wants to be called with an aligned one. */
#if defined(__x86_64__)
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call start\n");
#else
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x0, sp\n"
    "  bl start\n");
#endif
