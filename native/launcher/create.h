/* The part of launcher.c that makes new namespaces, and makes them what was asked for: names,
 * interfaces, mounts, root; maps.h does ids and clocks, bind.h the files that keep them. Included
 * there, once.
 * src/create/launcher-request.ts writes the struct.
 */
#pragma once
#include <asm/statfs.h>
#include <linux/if.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/sockios.h>

#define CREATE_HOLD 1u  /* nothing is executed: the namespaces are kept until the channel closes */
#define CREATE_INIT 2u  /* the holder is the first process of the new pid namespace */
#define CREATE_OWNER 4u /* the new user namespace is to belong to `owner_uid` */

/* Offsets count from the start of this struct, 0 meaning "none", to texts that end with a zero. */
struct launch_create {
  uint32_t flags;
  uint32_t owner_uid;
  uint32_t owner_gid;
  uint32_t propagation; /* MS_*, 0: unchanged */
  uint32_t setgroups;
  uint32_t uid_map;
  uint32_t gid_map;
  uint32_t uid_helper; /* the program that writes uid_map for us; none: we may ourselves */
  uint32_t gid_helper;
  uint32_t offsets; /* of the clocks, as timens_offsets wants them */
  uint32_t hostname;
  uint32_t domainname;
  uint32_t loopback; /* 1: bring it up */
  uint32_t proc;     /* where to mount a new /proc */
  uint32_t files[8]; /* of each type, in the order of `kept` in bind.h: the file that keeps it */
  uint32_t binfmt;   /* where to mount binfmt_misc, after /proc */
  uint32_t interp;   /* what to register there */
  uint32_t tools;    /* the directory that has the programs, for a root of tools.h */
};

_Static_assert(__builtin_offsetof(struct launch_create, uid_helper) == 4 * LAUNCH_HELPERS,
               "the addon looks there");

/* `detail` of a report of LAUNCH_CREATE; src/create/failures.ts says what they are. */
enum create_step {
  CREATE_PROC,
  CREATE_HELPER,
  CREATE_OWNER_IDS,
  CREATE_SETGROUPS,
  CREATE_UID_MAP,
  CREATE_GID_MAP,
  CREATE_NEWUIDMAP,
  CREATE_NEWGIDMAP,
  CREATE_OFFSETS,
  CREATE_HOSTNAME,
  CREATE_DOMAINNAME,
  CREATE_LOOPBACK,
  CREATE_PROPAGATION,
  CREATE_ROOT,
  CREATE_PIVOT,
  CREATE_DETACH,
  CREATE_MOUNT_PROC,
  CREATE_MOUNT_BINFMT,
  CREATE_INTERP,
  CREATE_TOOLS_BASE,
  CREATE_TOOLS_CLONE,
  CREATE_TOOLS_ATTRIBUTES,
  CREATE_TOOLS_CONTAINER,
  CREATE_TOOLS_MOUNT,
  CREATE_TOOLS_FILE,
  CREATE_BIND /* and on: which of `files` */
};

/* preload.c includes us too. */
#define UNUSED_BY_PRELOAD __attribute__((unused))

static struct launch_create* create;
static int parent_may_look; /* into a process that nobody may look into */

static char* text(uint32_t offset) { return offset == 0 ? 0 : (char*)create + offset; }

static long made(long result, int step) {
  if (result < 0) fail(LAUNCH_CREATE, result, step);
  return result;
}

static unsigned length_of(const char* string) {
  unsigned length = 0;
  while (string[length] != 0) length++;
  return length;
}

static void write_text(int directory, const char* name, const char* string, int step) {
  const unsigned length = length_of(string);
  const int file = (int)made(CALL4(openat, directory, name, O_WRONLY | O_CLOEXEC, 0), step);
  const long written = made(CALL3(write, file, string, length), step);
  if (written != length) made(-EIO, step);
  CALL1(close, file);
}

#include "bind.h"
#include "maps.h"

/* Before anything is joined. */
static void prepare_creation(void) {
  if (launch->create == 0) return;
  create = at(launch->create);
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct data[2] = {{0, 0, 0}, {0, 0, 0}};
  CALL2(capget, &header, data);
  parent_may_look = (data[0].effective >> CAP_SYS_PTRACE & 1) != 0;
  own_files = CALL0(geteuid) != 0;
  start_mapper();
  start_binder();
}

/* ---- the namespaces ---- */

static void set_owner(void) {
  made(CALL2(setgroups, 0, 0), CREATE_OWNER_IDS);
  const uint32_t gid = create->owner_gid;
  const uint32_t uid = create->owner_uid;
  made(CALL3(setresgid, gid, gid, gid), CREATE_OWNER_IDS);
  made(CALL3(setresuid, uid, uid, uid), CREATE_OWNER_IDS);
}

static void bring_loopback_up(void) {
  struct ifreq request = {.ifr_name = "lo"};
  const long control =
      made(CALL3(socket, 2 /* AF_INET */, 2 | O_CLOEXEC /* SOCK_DGRAM */, 0), CREATE_LOOPBACK);
  made(CALL3(ioctl, control, SIOCGIFFLAGS, &request), CREATE_LOOPBACK);
  request.ifr_flags |= 1 /* IFF_UP */;
  made(CALL3(ioctl, control, SIOCSIFFLAGS, &request), CREATE_LOOPBACK);
  CALL1(close, control);
}

static void set_names(void) {
  const char* hostname = text(create->hostname);
  const char* domainname = text(create->domainname);
  if (hostname != 0) made(CALL2(sethostname, hostname, length_of(hostname)), CREATE_HOSTNAME);
  if (domainname != 0) {
    made(CALL2(setdomainname, domainname, length_of(domainname)), CREATE_DOMAINNAME);
  }
}

static void enter_root(void) {
  if (launch->root < 0) return;
  must(CALL1(fchdir, launch->root), LAUNCH_FCHDIR);
  if (create == 0 || create->tools == 0) must(CALL1(chroot, "."), LAUNCH_CHROOT);
  CALL1(close, launch->root);
  launch->root = -1;
}

static void create_namespaces(void) {
  /* Below a joined pid namespace only who is in that creates one: fork_second(). */
  const uint32_t types = asked(LAUNCH_FORK_JOINED) ? launch->unshare & ~NEW_PID : launch->unshare;
  if (launch->unshare & NEW_MNT) enter_root(); /* in the copy it would be the original's */
  if (create != 0 && (create->flags & CREATE_OWNER)) set_owner();
  if (types != 0) must(CALL1(unshare, types), LAUNCH_UNSHARE);
  if (create == 0) return;
  be_mapped();
  set_names();
  if (create->loopback) bring_loopback_up();
}

/* ---- mounts ---- */

#define KERNELS_OWN (MS_NOSUID | MS_NODEV | MS_NOEXEC)
#define BINFMT "/proc/sys/fs/binfmt_misc"

/* Over a mount that is shared with that outside, the new one would lie there, too. EINVAL: there is
 * no mount, and what is around is as it was asked for. */
static void mount_proc(void) {
  if (create->proc == 0) return;
  const char* path = text(create->proc);
  if (create->propagation != MS_PRIVATE) {
    const long apart = CALL(mount, 0, path, 0, MS_PRIVATE | MS_REC, 0);
    if (apart != -EINVAL) made(apart, CREATE_MOUNT_PROC);
  }
  made(CALL(mount, "proc", path, "proc", KERNELS_OWN, 0), CREATE_MOUNT_PROC);
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

/* Whether the root that was asked for has been entered. */
static int arrange_mounts(void) {
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

/* ---- holding ---- */

UNUSED_BY_PRELOAD static void give_up_power(void) {
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
UNUSED_BY_PRELOAD static void hold(void) {
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
