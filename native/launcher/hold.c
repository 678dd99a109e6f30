/* Becomes the process that holds new namespaces, and is the first of a new pid namespace. */
#include "hold.h"

#include <linux/capability.h>
#include <linux/errno.h>
#include <linux/prctl.h>

#include "channel.h"
#include "create.h"
#include "files.h"
#include "mounts.h"
#include "signals.h"
#include "syscalls.h"

static void give_up_power(void) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct none[2] = {{0, 0, 0}, {0, 0, 0}};
  CALL2(capset, &header, none);
  CALL(prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  CALL1(close, channel);
}

/* Until the addon closes the pipe that we have as our only file, by itself or because its process
 * ends, however that ends. An ignored SIGCHLD is all the reaping that an init has to do: the kernel
 * does it. Who has to open our namespaces without CAP_SYS_PTRACE must be allowed to look into us;
 * with the byte that says that it is done, that is over, and so is the channel: what comes into the
 * new pid namespace later finds an init that holds nothing of ours, and has no power. */
void hold(void) {
  if (create == 0 || !(create->flags & CREATE_HOLD)) return;
  arrange_files();
  must(CALL0(setsid), LAUNCH_NEW_SESSION);
  arrange_mounts();
  made(CALL1(chdir, "/"), CREATE_ROOT);
  if (create->flags & CREATE_INIT) {
    struct {
      long handler, flags, restorer;
      uint64_t mask;
    } ignored = {1 /* SIG_IGN */, 0, 0, 0};
    CALL4(rt_sigaction, SIGCHLD_NUMBER, &ignored, 0, sizeof ignored.mask);
    CALL(prctl, PR_SET_NAME, "init", 0, 0, 0);
  }
  if (!parent_may_look) CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  report(LAUNCH_READY, 0, 0);
  char byte;
  long more;
  do {
    more = CALL3(read, 0, &byte, 1);
    if (more == 1) give_up_power();
  } while (more == 1 || more == -EINTR);
  quit(0);
}
