/* The part of launcher.c that gives the program tools of ours in namespaces of others: a root
 * directory of its own, in memory, with our programs in it (read-only, nosuid) and the root of the
 * target at /container. Included there, once.
 *
 * What is ours is cloned before anything is joined; what is the target's is opened below its root
 * with no link on the way. Its /proc, /dev and /sys come with all that is mounted in them: what the
 * engine has covered stays covered. A new /proc would not be: with uid 0 it writes the machine's
 * settings. So where there is none to clone, it has processes and nothing else, or is missing.
 */
#pragma once
#include <asm/statfs.h>
#include <linux/magic.h>
#include <linux/stat.h>

#include "open_below.h"

#define CLONED (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)
#define TOOL_FILE_MOST (1 << 20) /* bytes */

/* With links, where they are links: /bin to usr/bin. */
static const char* const tool_folders[] = {"usr", "bin", "sbin", "lib", "lib32", "lib64", "libx32"};
/* What programs need besides, and no more: there are private keys in /etc/ssl. */
static const char* const tool_settings[] = {"etc/alternatives", "etc/ssl/certs", "etc/pki/ca-trust",
                                            "etc/pki/tls/certs", "etc/terminfo"};
static const char* const tool_files[] = {"etc/ld.so.cache", "etc/nsswitch.conf", "etc/services",
                                         "etc/protocols", "etc/ssl/openssl.cnf"};
static const char* const tool_devices[] = {"dev/null",   "dev/zero",    "dev/full",
                                           "dev/random", "dev/urandom", "dev/tty"};
/* Of the target, copied: what is in them is read, and never followed. */
static const char* const target_files[] = {"etc/hosts", "etc/hostname", "etc/resolv.conf",
                                           "etc/passwd", "etc/group"};
/* Each after what it is in. */
static const char* const new_folders[] = {"etc",  "etc/ssl", "etc/pki", "etc/pki/tls", "container",
                                          "proc", "sys",     "dev",     "tmp",         "root",
                                          "run",  "var",     "var/tmp", "home",        "var/log"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

#define TREES (COUNT(tool_folders) + COUNT(tool_settings) + COUNT(tool_devices))
static int trees[TREES];
#define folder_trees (trees)
#define setting_trees (folder_trees + COUNT(tool_folders))
#define device_trees (setting_trees + COUNT(tool_settings))
static int file_copies[COUNT(tool_files)];
static char folder_links[COUNT(tool_folders)][256];
static int tools_taken;
static int pid_namespace = -1; /* that is joined */
static int lacks_proc;

static int has_tools(void) { return create != 0 && create->tools != 0; }

/* A detached copy of what is there, with all that is mounted below. */
static long clone_below(int directory, const char* path, uint64_t resolve) {
  const long there = open_below(directory, path, O_PATH, resolve | RESOLVE_NO_MAGICLINKS);
  if (there < 0) return there;
  const long tree = CALL3(open_tree, there, "", CLONED | AT_EMPTY_PATH);
  CALL1(close, there);
  return tree;
}

static void restrict_tree(int tree, uint64_t attributes) {
  struct mount_attr wanted = {attributes, 0, MS_PRIVATE, 0};
  made(CALL(mount_setattr, tree, "", AT_EMPTY_PATH | AT_RECURSIVE, &wanted, sizeof wanted),
       CREATE_TOOLS_ATTRIBUTES);
}

/* -1: there is none. */
static int take_tree(int base, const char* path, uint64_t attributes) {
  const long tree = clone_below(base, path, RESOLVE_IN_ROOT);
  if (tree == -ENOENT || tree == -ENOTDIR) return -1;
  made(tree, CREATE_TOOLS_CLONE);
  restrict_tree((int)tree, attributes);
  return (int)tree;
}

static void take_folder(int base, unsigned i) {
  const long length =
      CALL4(readlinkat, base, tool_folders[i], folder_links[i], sizeof folder_links[i] - 1);
  folder_trees[i] = length < 0 ? take_tree(base, tool_folders[i],
                                           MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV)
                               : -1;
}

/* Whether we may clone mounts where we are. */
static int may_clone(int base) {
  const long tree = CALL3(open_tree, base, "", CLONED | AT_EMPTY_PATH);
  if (tree == -EPERM) return 0;
  CALL1(close, made(tree, CREATE_TOOLS_CLONE));
  return 1;
}

static int new_tmpfs(void) {
  const int context = (int)made(CALL2(fsopen, "tmpfs", FSOPEN_CLOEXEC), CREATE_TOOLS_MOUNT);
  made(CALL(fsconfig, context, FSCONFIG_SET_STRING, "mode", "0755", 0), CREATE_TOOLS_MOUNT);
  made(CALL(fsconfig, context, FSCONFIG_SET_STRING, "size", "64m", 0), CREATE_TOOLS_MOUNT);
  made(CALL(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0), CREATE_TOOLS_MOUNT);
  const long mounted =
      made(CALL3(fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV),
           CREATE_TOOLS_MOUNT);
  CALL1(close, context);
  return (int)mounted;
}

static int new_file(int root, const char* path) {
  return (int)made(CALL4(openat, root, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644),
                   CREATE_TOOLS_FILE);
}

/* Who has CAP_SYS_ADMIN in the user namespace that the new mount namespace belongs to could make what
 * is read-only writable again, and if our root has a number in there, our files with it. The kernel
 * keeps the attributes for good of what was copied into a namespace of another user namespace: there
 * a child of ours clones the trees once more, and puts them in the place of the first, in files that
 * it shares with us. It is seen by nobody who does not see us. */
static void clone_locked(void) {
  char name[] = "a";
  made(CALL1(unshare, NEW_MNT), CREATE_TOOLS_CLONE);
  made(CALL(mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0), CREATE_PROPAGATION);
  const int top = new_tmpfs();
  made(CALL(move_mount, top, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), CREATE_TOOLS_MOUNT);
  for (unsigned i = 0; i < TREES; i++, name[0]++) {
    if (trees[i] < 0) continue;
    if (trees + i < device_trees) {
      made(CALL3(mkdirat, top, name, 0755), CREATE_TOOLS_FILE);
    } else {
      CALL1(close, new_file(top, name));
    }
    made(CALL(move_mount, trees[i], "", top, name, MOVE_MOUNT_F_EMPTY_PATH), CREATE_TOOLS_MOUNT);
  }
  made(CALL1(fchdir, top), CREATE_TOOLS_CLONE);
  made(CALL1(chroot, "."), CREATE_TOOLS_CLONE); /* elsewhere nobody creates a user namespace */
  made(CALL1(unshare, NEW_USER | NEW_MNT), CREATE_TOOLS_CLONE);
  name[0] = 'a';
  for (unsigned i = 0; i < TREES; i++, name[0]++) {
    if (trees[i] < 0) continue;
    const long tree = made(CALL3(open_tree, AT_FDCWD, name, CLONED), CREATE_TOOLS_CLONE);
    made(CALL3(dup3, tree, trees[i], O_CLOEXEC), CREATE_TOOLS_CLONE);
    CALL1(close, tree);
  }
  CALL1(close, top);
  quit(0);
}

static void lock_trees(void) {
  int status = 0;
  long done;
  volatile struct launch_report* failed = (void*)must(map_page(-1), LAUNCH_MMAP);
  const unsigned long flags = CLONE_FILES | CLONE_VFORK | SIGCHLD_NUMBER;
  const long child = must(CALL(clone, flags, 0, 0, 0, 0), LAUNCH_CLONE);
  if (child == 0) {
    forks = 0;
    written = failed; /* the channel takes no other's word */
    clone_locked();
  }
  do {
    done = CALL4(wait4, child, &status, 0, 0);
  } while (done == -EINTR);
  if (failed->step != LAUNCH_NOTHING) fail(failed->step, failed->error, failed->detail);
  if (done < 0 || status != 0) made(done < 0 ? done : -EINTR, CREATE_TOOLS_CLONE);
  CALL2(munmap, failed, PAGE);
}

/* In our own mount namespace; who has no rights in it has them, from the target's user namespace
 * on, in a copy. */
static void take_tools(int in_user_namespace) {
  if (!has_tools() || tools_taken) return;
  if (in_user_namespace) made(CALL1(unshare, NEW_MNT), CREATE_TOOLS_CLONE);
  for (int i = 0; i < LAUNCH_JOINS; i++) {
    if (launch->types[i] == NEW_PID && launch->joins[i] >= 0) pid_namespace = launch->joins[i];
  }
  const int base =
      (int)made(CALL4(openat, AT_FDCWD, text(create->tools), O_PATH | O_DIRECTORY | O_CLOEXEC, 0),
                CREATE_TOOLS_BASE);
  if (may_clone(base)) {
    const int top = (int)made(CALL4(openat, AT_FDCWD, "/", O_PATH | O_DIRECTORY | O_CLOEXEC, 0),
                              CREATE_TOOLS_BASE);
    const uint64_t fixed = MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV;
    for (unsigned i = 0; i < COUNT(tool_folders); i++) take_folder(base, i);
    for (unsigned i = 0; i < COUNT(tool_settings); i++) {
      setting_trees[i] = take_tree(base, tool_settings[i], fixed);
    }
    for (unsigned i = 0; i < COUNT(tool_devices); i++) {
      /* Read-only, a device can be written to, but its mode and owner stay. */
      device_trees[i] = take_tree(top, tool_devices[i],
                                  MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    }
    for (unsigned i = 0; i < COUNT(tool_files); i++) {
      file_copies[i] = (int)open_below(base, tool_files[i], O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                       RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    }
    CALL1(close, top);
    if (!in_user_namespace && (is_joined(NEW_USER) || (launch->unshare & NEW_USER))) lock_trees();
    tools_taken = 1;
  } else if (in_user_namespace || launch->types[0] != NEW_USER) {
    made(-EPERM, CREATE_TOOLS_CLONE);
  }
  CALL1(close, base);
}

/* ---- the new root ---- */

/* A directory of the target's root, in which we are, with what is mounted there; -1: there is none,
 * or it is no file system of that kind. */
static int clone_theirs(const char* name, long kind) {
  struct statfs system;
  const uint64_t plain = RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS;
  const long there = open_below(AT_FDCWD, name, O_PATH | O_DIRECTORY, plain);
  if (there < 0) return -1;
  long tree = kind == 0 ? 0 : CALL2(fstatfs, there, &system);
  if (tree >= 0 && kind != 0 && system.f_type != kind) tree = -ENODEV;
  if (tree >= 0) tree = CALL3(open_tree, there, "", CLONED | AT_EMPTY_PATH);
  CALL1(close, there);
  return tree < 0 ? -1 : (int)tree;
}

static int has_null(int devices) {
  struct statx file;
  const long null = open_below(devices, "null", O_PATH, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
  if (null < 0) return 0;
  const long seen = CALL(statx, null, "", AT_EMPTY_PATH, STATX_TYPE, &file);
  CALL1(close, null);
  return seen >= 0 && file.stx_rdev_major == 1 && file.stx_rdev_minor == 3;
}

static void attach(int tree, int root, const char* path) {
  if (tree < 0) return;
  made(CALL(move_mount, tree, "", root, path, MOVE_MOUNT_F_EMPTY_PATH), CREATE_TOOLS_MOUNT);
  CALL1(close, tree);
}

static void write_all(int file, const char* bytes, long size) {
  while (size > 0) {
    const long written = made(CALL3(write, file, bytes, size), CREATE_TOOLS_FILE);
    bytes += written;
    size -= written;
  }
}

/* A file, not too large: nothing else is read. */
static int is_copied(int from) {
  struct statx file;
  return CALL(statx, from, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &file) >= 0 &&
         (file.stx_mode & 0170000) == 0100000 && file.stx_size <= TOOL_FILE_MOST;
}

static void copy(int from, int root, const char* path) {
  static char bytes[16384];
  if (from < 0) return;
  if (is_copied(from)) {
    const int to = new_file(root, path);
    for (long left = TOOL_FILE_MOST; left > 0;) {
      const long most = left < (long)sizeof bytes ? left : (long)sizeof bytes;
      const long more = CALL3(read, from, bytes, most);
      if (more == -EINTR) continue;
      if (more <= 0) break;
      write_all(to, bytes, more);
      left -= more;
    }
    CALL1(close, to);
  }
  CALL1(close, from);
}

static void make_folders(int root) {
  for (unsigned i = 0; i < COUNT(new_folders); i++) {
    made(CALL3(mkdirat, root, new_folders[i], 0755), CREATE_TOOLS_FILE);
  }
  made(CALL3(fchmodat, root, "tmp", 01777), CREATE_TOOLS_FILE);
  made(CALL3(fchmodat, root, "var/tmp", 01777), CREATE_TOOLS_FILE);
  for (unsigned i = 0; i < COUNT(tool_folders); i++) {
    if (folder_links[i][0] != 0) {
      made(CALL3(symlinkat, folder_links[i], root, tool_folders[i]), CREATE_TOOLS_FILE);
    } else if (folder_trees[i] >= 0) {
      made(CALL3(mkdirat, root, tool_folders[i], 0755), CREATE_TOOLS_FILE);
      attach(folder_trees[i], root, tool_folders[i]);
    }
  }
  for (unsigned i = 0; i < COUNT(tool_settings); i++) {
    if (setting_trees[i] < 0) continue;
    made(CALL3(mkdirat, root, tool_settings[i], 0755), CREATE_TOOLS_FILE);
    attach(setting_trees[i], root, tool_settings[i]);
  }
}

static void make_devices(int root, int theirs) {
  const int usable = theirs >= 0 && has_null(theirs);
  if (usable) attach(theirs, root, "dev");
  for (unsigned i = 0; i < COUNT(tool_devices); i++) {
    if (device_trees[i] < 0) continue;
    if (usable) {
      CALL1(close, device_trees[i]);
    } else {
      CALL1(close, new_file(root, tool_devices[i]));
      attach(device_trees[i], root, tool_devices[i]);
    }
  }
  if (theirs >= 0 && !usable) CALL1(close, theirs);
}

/* Of the joined pid namespace, by who is not in it: from Linux 6.17 on. -1: there is none. */
static int new_joined_proc(void) {
  if (pid_namespace < 0) return -1;
  const int context = (int)made(CALL2(fsopen, "proc", FSOPEN_CLOEXEC), CREATE_MOUNT_PROC);
  long mounted = CALL(fsconfig, context, FSCONFIG_SET_FD, "pidns", 0, pid_namespace);
  if (mounted >= 0) mounted = CALL(fsconfig, context, FSCONFIG_SET_FLAG, "ro", 0, 0);
  if (mounted >= 0) mounted = CALL(fsconfig, context, FSCONFIG_SET_STRING, "subset", "pid", 0);
  if (mounted >= 0) mounted = CALL(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (mounted >= 0) {
    mounted = CALL3(fsmount, context, FSMOUNT_CLOEXEC,
                    MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC);
  }
  CALL1(close, context);
  return mounted < 0 ? -1 : (int)mounted;
}

/* The old root lies on the new one until it is let go of; where there is nothing to pivot (the
 * initial root file system), as switch_root. */
static void become_root(int root) {
  made(CALL1(fchdir, root), CREATE_TOOLS_MOUNT);
  CALL1(close, root);
  const long pivoted = CALL2(pivot_root, ".", ".");
  if (pivoted == -EINVAL) {
    made(CALL(mount, ".", "/", 0, MS_MOVE, 0), CREATE_PIVOT);
    made(CALL1(chroot, "."), CREATE_PIVOT);
  } else {
    made(pivoted, CREATE_PIVOT);
    made(CALL2(umount2, ".", 2 /* MNT_DETACH */), CREATE_DETACH);
  }
  made(CALL1(chdir, "/"), CREATE_ROOT);
}

/* In the new mount namespace, in the target's root directory: that may be no mount point, so our
 * root still is that of the namespace. What the target mounts later is seen where its mounts are
 * shared; nothing goes the other way. */
static void build_tools(void) {
  if (!has_tools()) return;
  made(CALL(mount, 0, "/", 0, MS_REC | MS_SLAVE, 0), CREATE_PROPAGATION);
  const int container = (int)made(CALL3(open_tree, AT_FDCWD, ".", CLONED), CREATE_TOOLS_CONTAINER);
  const int proc = clone_theirs("proc", PROC_SUPER_MAGIC);
  const int sys = clone_theirs("sys", SYSFS_MAGIC);
  const int devices = clone_theirs("dev", 0);
  const int root = new_tmpfs();
  made(CALL(move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), CREATE_TOOLS_MOUNT);
  make_folders(root);
  for (unsigned i = 0; i < COUNT(tool_files); i++) copy(file_copies[i], root, tool_files[i]);
  for (unsigned i = 0; i < COUNT(target_files); i++) {
    const long from = open_below(container, target_files[i], O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    copy((int)from, root, target_files[i]);
  }
  attach(proc >= 0 ? proc : new_joined_proc(), root, "proc");
  attach(sys, root, "sys");
  make_devices(root, devices);
  attach(container, root, "container");
  become_root(root);
  lacks_proc = proc < 0;
}

/* By who is in the pid namespace, where that is new: in one that was joined, whoever waits for this
 * would meet us with all our rights. EPERM: in a user namespace, where no other /proc is to be seen;
 * then there is none. */
static void mount_lacking_proc(void) {
  if (!lacks_proc || (asked(LAUNCH_FORK_JOINED) && !(launch->unshare & NEW_PID))) return;
  const long mounted = CALL(mount, "proc", "/proc", "proc", KERNELS_OWN | MS_RDONLY, "subset=pid");
  if (mounted != -EPERM) made(mounted, CREATE_MOUNT_PROC);
}
