/* Forks into pid and time namespaces. */
#include "fork.h"

#include <linux/mman.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "bind.h"
#include "channel.h"
#include "join.h"
#include "signals.h"
#include "syscalls.h"

long map_page(long file) {
  const unsigned long flags = MAP_SHARED | (file < 0 ? MAP_ANONYMOUS : 0);
  return call6(__NR_mmap, 0, PAGE, 1 | 2 /* PROT_READ | PROT_WRITE */, (long)flags, file, 0);
}

void share_forks(void) {
  if (launch->forks < 0) return;
  const long page = must(map_page(launch->forks), LAUNCH_MMAP);
  must(CALL3(madvise, page, PAGE, MADV_DONTFORK), LAUNCH_MMAP);
  CALL1(close, launch->forks);
  launch->forks = -1;
  forks = (struct launch_forks*)page;
}

/* Into what we have created ourselves: nobody else is in there. The child keeps the channel. A new
 * pid namespace is there for others, to bind it to a file, only from its first process on. */
void fork_created(void) {
  const unsigned long flags = CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD_NUMBER;
  if (must(CALL(clone, flags, 0, &forks->pid[0], 0, 0), LAUNCH_CLONE) > 0) {
    ask_binder();
    quit(0);
  }
  forks = 0;
}

/* Into what was joined; the child has the program's files and nothing else, and says why it failed
 * where it is told to. */
long clone_joined(unsigned long more, volatile struct launch_report* said) {
  enter_cgroups();
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* a change of credentials may have undone it */
  must(CALL3(close_range, launch->stdio_count, ~0u, 0), LAUNCH_CLOSE_RANGE);
  launch->parent = -1;
  written = &forks->failed;
  const unsigned long flags = CLONE_PARENT | CLONE_PARENT_SETTID | SIGCHLD_NUMBER;
  const long child = must(CALL(clone, flags | more, 0, &forks->pid[0], 0, 0), LAUNCH_CLONE);
  if (child == 0) {
    forks = 0;
    written = said;
  }
  return child;
}
