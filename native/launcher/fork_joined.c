/* The launcher's fork into a joined pid namespace, and the second one below that. */
#include "fork_joined.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/prctl.h>
#include <linux/sched.h>

#include "channel.h"
#include "directory.h"
#include "fork.h"
#include "in_place.h"
#include "join.h"
#include "signals.h"
#include "syscalls.h"

/* Ours and the child's in a joined pid namespace. Whoever may trace that can write here what he
 * likes: numbers that are passed on, and believed in nothing else. */
ON_FIRST_PAGE static volatile struct {
  struct launch_report failed;
  int32_t executed; /* of a second fork: it was seen to its exec */
  int32_t pidfd;    /* of a second fork, in the files that first child and launcher share */
  uint32_t owner; /* the launcher's thread; marked by the kernel when that is gone (robust futex) */
} * words;

/* A launcher that is killed here tells nobody which the second is. */
static void be_missed(void) {
  static struct robust_list entry;
  static struct robust_list_head head;
  words->owner = (uint32_t)CALL0(gettid);
  entry.next = &head.list;
  head.list.next = &entry;
  head.futex_offset = (long)&words->owner - (long)&entry;
  must(CALL2(set_robust_list, &head, sizeof head), LAUNCH_CLONE);
}

/* A process creates a pid namespace only below its own: the first child has to, in the joined one.
 * It numbers its child otherwise than we do. But it shares our files, and among them is the child's
 * pidfd: that tells us, and kills it, whatever has become of the first. */
static void fork_second(void) {
  const unsigned long flags =
      CLONE_NEWPID | CLONE_PARENT | CLONE_VFORK | CLONE_PIDFD | SIGCHLD_NUMBER;
  const long child = must(CALL(clone, flags, 0, &words->pidfd, 0, 0), LAUNCH_CLONE);
  if (child == 0) return;
  CALL3(fcntl, words->pidfd, F_SETOWN, child); /* for who knows no PIDFD_GET_INFO */
  words->executed = 1;
  if (words->owner & FUTEX_OWNER_DIED) CALL4(pidfd_send_signal, words->pidfd, SIGKILL_NUMBER, 0, 0);
  quit(0);
}

/* As we number it. Before Linux 6.13 the owner of a file is what the kernel translates. */
static long pid_of(int pidfd) {
  struct {
    uint64_t mask, cgroup;
    uint32_t pid, rest[11];
  } info = {1 /* PIDFD_INFO_PID */, 0, 0, {0}};
  _Static_assert(sizeof info == 64, "struct pidfd_info of Linux 6.13");
  const long done = CALL3(ioctl, pidfd, 0xC040FF0B /* PIDFD_GET_INFO */, &info);
  return done >= 0 ? (long)info.pid : CALL3(fcntl, pidfd, F_GETOWN, 0);
}

static void find_second(void) {
  const int pidfd = words->pidfd;
  if (pidfd < 0) return; /* it never came to be */
  if (!words->executed) CALL4(pidfd_send_signal, pidfd, SIGKILL_NUMBER, 0, 0);
  const long pid = pid_of(pidfd);
  if (pid > 0) {
    forks->pid[1] = (int32_t)pid;
  } else {
    report(LAUNCH_CLONE, -ESRCH, 0);
  }
}

/* Both have the same parent, at any time: what we see of it after the child has asked to die with
 * it holds for the child, to which a parent outside of its pid namespace is nobody. */
static void keep_promises(long child) {
  if (asked(LAUNCH_DIE_WITH_PARENT) && CALL0(getppid) != launch->parent_pid) {
    CALL2(kill, child, launch->parent_signal);
    if (forks->pid[1] != 0) CALL2(kill, forks->pid[1], launch->parent_signal);
  }
}

void fork_joined(void) {
  enter_root(); /* by its fd, which the child is not to have */
  if (asked(LAUNCH_IN_PLACE)) {
    enter_cgroups();
    CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0); /* a change of credentials may have undone it */
    close_others(0, 0);
    fork_followed();
    return;
  }
  const int second = (launch->unshare & NEW_PID) != 0;
  words = (void*)must(map_page(-1), LAUNCH_MMAP);
  words->pidfd = -1;
  if (second) be_missed();
  const long child = clone_joined(CLONE_VFORK | (second ? CLONE_FILES : 0), &words->failed);
  if (child > 0) {
    if (second) find_second();
    if (words->failed.step != LAUNCH_NOTHING) forks->failed = words->failed;
    keep_promises(child);
    quit(0);
  }
  if (second) fork_second();
}
