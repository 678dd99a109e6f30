/* Enters the namespaces and cgroups that others have made. */
#include "join.h"

#include <linux/prctl.h>

#include "channel.h"
#include "credentials.h"
#include "syscalls.h"

int is_joined(uint32_t type) {
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
void join(void (*has_joined_user)(void)) {
  int users = 0;
  while (users < LAUNCH_JOINS && launch->types[users] == NEW_USER) users++;
  if (users > 0) leave_groups();
  join_from(users, users == 0);
  for (int i = 0; i < users; i++) {
    const long result = CALL2(setns, launch->joins[i], NEW_USER);
    if (result < 0) fail(LAUNCH_SETNS, result, NEW_USER);
    if (has_joined_user != 0) has_joined_user();
    join_from(users, i == users - 1);
  }
  if (users > 0) take_ids_inside();
}

void enter_cgroups(void) {
  for (int i = 0; i < LAUNCH_CGROUPS; i++) {
    if (launch->cgroups[i] < 0) continue;
    const long entered =
        CALL3(write, launch->cgroups[i], "0", 1); /* in a frozen one, we stop here */
    if (entered < 0) fail(LAUNCH_CGROUP, entered, i);
    CALL1(close, launch->cgroups[i]);
    launch->cgroups[i] = -1;
  }
}
