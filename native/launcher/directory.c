/* Root and working directory. */
#include "directory.h"

#include <linux/errno.h>

#include "channel.h"
#include "create.h"
#include "mounts.h"
#include "syscalls.h"

void enter_root(void) {
  if (launch->root < 0) return;
  must(CALL1(fchdir, launch->root), LAUNCH_FCHDIR);
  if (create == 0 || create->tools == 0) must(CALL1(chroot, "."), LAUNCH_CHROOT);
  CALL1(close, launch->root);
  launch->root = -1;
}

void change_directory(void) {
  static char here[PATH_MOST];
  enter_root();
  if (!arrange_mounts() && launch->root_path != 0) {
    must(CALL1(chroot, at(launch->root_path)), LAUNCH_CHROOT);
  }
  if (asked(LAUNCH_FOREIGN)) must(CALL1(chdir, "/"), LAUNCH_CHDIR);
  if (launch->directory >= 0) {
    must(CALL1(fchdir, launch->directory), LAUNCH_FCHDIR);
    CALL1(close, launch->directory);
    launch->directory = -1;
  }
  if (launch->cwd != 0) must(CALL1(chdir, at(launch->cwd)), LAUNCH_CHDIR);
  if (!asked(LAUNCH_FOREIGN)) return;
  /* Outside of the root the kernel says "(unreachable)...", of a deleted directory ENOENT. */
  must(CALL2(getcwd, here, sizeof here), LAUNCH_GETCWD);
  if (here[0] != '/') fail(LAUNCH_GETCWD, -EXDEV, 0);
}
