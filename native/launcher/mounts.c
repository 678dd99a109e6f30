/* What is mounted in a new mount namespace, and its root. */
#include "mounts.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>

#include "channel.h"
#include "create.h"
#include "join.h"
#include "syscalls.h"

#define BINFMT "/proc/sys/fs/binfmt_misc"
#define READ_ONLY 1 /* ST_RDONLY, statfs(2) */

/* What an engine has covered of a container's /proc, a new one has not: there uid 0 writes the
 * machine's settings, the program's own or that of whoever may look into it. So it is read-only,
 * unless these can be written to in there anyway. */
static unsigned long proc_attributes(void) {
  struct statfs system;
  if (!is_joined(NEW_MNT)) return KERNELS_OWN;
  const int is_writable = CALL2(statfs, "/proc/sys", &system) >= 0 &&
                          system.f_type == PROC_SUPER_MAGIC && !(system.f_flags & READ_ONLY);
  return is_writable ? KERNELS_OWN : KERNELS_OWN | MS_RDONLY;
}

/* Over a mount that is shared with that outside, the new one would lie there, too. EINVAL: there is
 * no mount, and what is around is as it was asked for. */
static void mount_proc(void) {
  if (create->proc == 0) return;
  const char* path = text(create->proc);
  const unsigned long attributes = proc_attributes(); /* of what is there yet */
  if (create->propagation != MS_PRIVATE) {
    const long apart = CALL(mount, 0, path, 0, MS_PRIVATE | MS_REC, 0);
    if (apart != -EINVAL) made(apart, CREATE_MOUNT_PROC);
  }
  made(CALL(mount, "proc", path, "proc", attributes, 0), CREATE_MOUNT_PROC);
}

static void mount_binfmt(const char* path) {
  made(CALL(mount, "binfmt_misc", path, "binfmt_misc", KERNELS_OWN, 0), CREATE_MOUNT_BINFMT);
}

static void register_interp(const char* path) {
  const int directory =
      (int)made(CALL4(openat, AT_FDCWD, path, O_PATH | O_DIRECTORY | O_CLOEXEC, 0), CREATE_INTERP);
  write_text(directory, "register", text(create->interp), CREATE_INTERP);
  CALL1(close, directory);
}

/* With the flag F, the kernel opens the interpreter at once: before the root is another. */
static int is_fixed(void) {
  int fixed = 0;
  for (const char* at = text(create->interp); at != 0 && *at != 0; at++) {
    if (*at == ':') fixed = 0;
    if (*at == 'F') fixed = 1;
  }
  return fixed;
}

static void register_early(void) {
  if (!is_fixed()) return;
  mount_binfmt(BINFMT);
  register_interp(BINFMT);
}

static void mount_kernels_own(int registered) {
  mount_proc();
  if (create->binfmt == 0) return;
  mount_binfmt(text(create->binfmt));
  if (create->interp != 0 && !registered) register_interp(text(create->binfmt));
}

/* The old root lies on top of the new one until it is let go of, so paths that begin at our root
 * are the new one's; and a new /proc may be mounted, which a user is refused where no old one is
 * left. Where there is nothing to pivot (our root is no mount point, or the initial one): as
 * switch_root. */
static void pivot(const char* path) {
  register_early();
  made(CALL(mount, path, path, 0, MS_BIND | MS_REC, 0), CREATE_ROOT);
  made(CALL1(chdir, path), CREATE_ROOT);
  const long pivoted = CALL2(pivot_root, ".", ".");
  if (pivoted == -EINVAL) {
    mount_kernels_own(is_fixed());
    made(CALL(mount, ".", "/", 0, MS_MOVE, 0), CREATE_PIVOT);
    made(CALL1(chroot, "."), CREATE_PIVOT);
  } else {
    made(pivoted, CREATE_PIVOT);
    mount_kernels_own(is_fixed());
    made(CALL2(umount2, ".", 2 /* MNT_DETACH */), CREATE_DETACH);
  }
  made(CALL1(chdir, "/"), CREATE_ROOT);
}

int arrange_mounts(void) {
  if (create == 0 || !(launch->unshare & NEW_MNT)) return 0;
  if (create->tools != 0) return 1;
  const char* root = at(launch->root_path);
  const unsigned long wanted = create->propagation;
  const unsigned long first = root != 0 && wanted == MS_SHARED ? MS_PRIVATE : wanted;
  if (first != 0) made(CALL(mount, 0, "/", 0, MS_REC | first, 0), CREATE_PROPAGATION);
  if (root == 0) {
    mount_kernels_own(0);
    return 0;
  }
  pivot(root);
  if (first != wanted) made(CALL(mount, 0, "/", 0, MS_REC | wanted, 0), CREATE_PROPAGATION);
  return 1;
}
