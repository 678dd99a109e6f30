/* Who the process is. */
#include "credentials.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/keyctl.h>
#include <linux/prctl.h>

#include "channel.h"
#include "syscalls.h"

/* The kernel makes none inheritable that the bounding set lacks, but keeps those that are: a
 * process has such where it has narrowed that set afterwards. */
static void keep_inheritable(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  const uint64_t beyond = launch->inheritable & ~launch->bounding;
  if (beyond == 0) return;
  must(CALL2(capget, &header, data), LAUNCH_CAPSET);
  for (int half = 0; half < 2; half++) {
    data[half].inheritable |= (uint32_t)(beyond >> (32 * half)) & data[half].permitted;
  }
  must(CALL2(capset, &header, data), LAUNCH_CAPSET);
}

static void bound_capabilities(void) {
  keep_inheritable();
  for (int cap = 0; cap < 64; cap++) {
    if (launch->bounding >> cap & 1) continue;
    long known = CALL(prctl, PR_CAPBSET_READ, cap, 0, 0, 0);
    if (known < 0) break; /* the kernel has no more */
    if (known == 0) continue;
    long result = CALL(prctl, PR_CAPBSET_DROP, cap, 0, 0, 0);
    if (result < 0) fail(LAUNCH_CAPBSET_DROP, result, cap);
  }
  must(CALL(prctl, PR_SET_KEEPCAPS, 1, 0, 0, 0), LAUNCH_KEEPCAPS);
}

/* In a user namespace they may be denied for good (user_namespaces(7)): leave them outside. */
void leave_groups(void) {
  const uint32_t none = 0;
  if (asked(LAUNCH_GROUPS) || asked(LAUNCH_GROUPS_TRY)) CALL2(setgroups, 0, &none);
}

static int has_groups(const uint32_t* wanted, uint32_t count) {
  static uint32_t groups[LAUNCH_MOST / sizeof(uint32_t)];
  if (CALL2(getgroups, sizeof groups / sizeof *groups, groups) != count) return 0;
  for (uint32_t i = 0; i < count; i++) {
    if (groups[i] != wanted[i]) return 0;
  }
  return 1;
}

static void set_groups(void) {
  const uint32_t* wanted = at(launch->groups);
  if (asked(LAUNCH_GROUPS)) {
    long result = CALL2(setgroups, launch->groups_count, wanted);
    if (result < 0 && !has_groups(wanted, launch->groups_count)) fail(LAUNCH_SETGROUPS, result, 0);
  } else {
    leave_groups();
  }
}

static void set_ids(void) {
  const uint32_t* gid = launch->gid;
  const uint32_t* uid = launch->uid;
  if (asked(LAUNCH_GID)) must(CALL3(setresgid, gid[0], gid[1], gid[2]), LAUNCH_SETGID);
  if (asked(LAUNCH_UID)) must(CALL3(setresuid, uid[0], uid[1], uid[2]), LAUNCH_SETUID);
  if (!asked(LAUNCH_ROOT_INSIDE)) return;
  long result = asked(LAUNCH_GID) ? 0 : CALL3(setresgid, 0, 0, 0);
  if (result < 0 && result != -EINVAL) fail(LAUNCH_SETGID, result, 0);
  result = asked(LAUNCH_UID) ? 0 : CALL3(setresuid, 0, 0, 0);
  if (result < 0 && result != -EINVAL) fail(LAUNCH_SETUID, result, 0); /* EINVAL: there is no 0 */
}

static void set_capabilities(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2];
  if (asked(LAUNCH_CAPS_AT_MOST)) {
    must(CALL2(capget, &header, data), LAUNCH_CAPSET);
    uint64_t ours = (uint64_t)data[1].permitted << 32 | data[0].permitted;
    launch->permitted &= ours;
    launch->effective &= launch->permitted;
    launch->inheritable &= ours;
    launch->ambient &= launch->permitted & launch->inheritable;
  }
  for (int half = 0; half < 2; half++) {
    data[half].effective = (uint32_t)(launch->effective >> (32 * half));
    data[half].permitted = (uint32_t)(launch->permitted >> (32 * half));
    data[half].inheritable = (uint32_t)(launch->inheritable >> (32 * half));
  }
  must(CALL2(capset, &header, data), LAUNCH_CAPSET);
  must(CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0), LAUNCH_AMBIENT);
  for (int cap = 0; cap < 64; cap++) {
    if (!(launch->ambient >> cap & 1)) continue;
    long result = CALL(prctl, PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, cap, 0, 0);
    if (result < 0) fail(LAUNCH_AMBIENT, result, cap);
  }
}

/* Whoever traces us inside has what we have: our session keyring is left for a new one, where keys
 * are to be had at all. What refuses them to us (a filter) refuses them to who traces us, too. */
static void leave_keyring(void) {
  const long result = CALL2(keyctl, KEYCTL_JOIN_SESSION_KEYRING, 0);
  if (result < 0 && result != -ENOSYS && result != -EPERM) fail(LAUNCH_KEYRING, result, 0);
}

/* In this order: a step may need what the next one gives up. */
void change_credentials(void) {
  if (asked(LAUNCH_NEW_KEYRING)) leave_keyring();
  if (asked(LAUNCH_CAPS)) bound_capabilities();
  set_groups();
  set_ids();
  if (asked(LAUNCH_CAPS)) set_capabilities();
  if (asked(LAUNCH_UMASK)) CALL1(umask, launch->umask);
  if (asked(LAUNCH_NO_NEW_PRIVS)) must(CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), LAUNCH_NNP);
}

/* After the last change of credentials, which would undo it. The parent may have ended before we
 * asked: it tells its children that it does, and becomes a zombie, in one hold of the kernel's lock
 * of processes, which getpriority(2) of a group waits for. So either it is one by now, or it will
 * tell us (kernel/exit.c, exit_notify). */
void die_with_parent(void) {
  char stat[64]; /* "pid (name) state": of the name any byte can be a parenthesis */
  must(CALL(prctl, PR_SET_PDEATHSIG, launch->parent_signal, 0, 0, 0), LAUNCH_PDEATHSIG);
  if (launch->parent < 0) return; /* who forked us looks for us: keep_promises() */
  CALL2(getpriority, 1 /* PRIO_PGRP */, 0);
  const long length = CALL4(pread64, launch->parent, stat, sizeof stat, 0);
  if (length < 0 && length != -ESRCH) fail(LAUNCH_RECEIVE, length, 0);
  long end = length;
  while (end > 0 && stat[end - 1] != ')') end--;
  if (end <= 0 || end + 1 >= length || stat[end + 1] == 'Z' || stat[end + 1] == 'X') quit(137);
}
