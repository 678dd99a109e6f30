/* The root directory of a program that has tools of ours. */
#include "tools_root.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>

#include "channel.h"
#include "create.h"
#include "join.h"
#include "mounts.h"
#include "open_below.h"
#include "syscalls.h"
#include "tools.h"

#define BELOW (RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS)
#define TOOL_FILE_MOST (1 << 20) /* bytes */

/* Of the target, copied: what is in them is read, and never followed. */
static const char* const target_files[] = {"etc/hosts", "etc/hostname", "etc/resolv.conf",
                                           "etc/passwd", "etc/group"};
#define TARGET_USERS 3
/* Each after what it is in. */
static const char* const new_folders[] = {
    "etc",  "etc/ssl", "etc/pki", "etc/pki/tls", "container", "proc",    "sys",     "dev",    "tmp",
    "root", "run",     "var",     "var/tmp",     "home",      "var/log", "dev/pts", "dev/shm"};
static const char* const shared_folders[] = {"tmp", "var/tmp", "dev/shm"};
static const char* const writable_folders[] = {"tmp", "run", "var", "home", "dev/shm"};
static const struct {
  const char *target, *path;
} device_links[] = {{"/proc/self/fd", "dev/fd"},
                    {"/proc/self/fd/0", "dev/stdin"},
                    {"/proc/self/fd/1", "dev/stdout"},
                    {"/proc/self/fd/2", "dev/stderr"},
                    {"pts/ptmx", "dev/ptmx"}};

ON_FIRST_PAGE static int lacks_proc;

/* A directory of the target's root, in which we are, with what is mounted there; -1: there is none,
 * or it is no file system of that kind. */
static int clone_theirs(const char* name, long kind) {
  struct statfs system;
  const long there = open_below(AT_FDCWD, name, O_PATH | O_DIRECTORY, BELOW);
  if (there < 0) return -1;
  long tree = CALL2(fstatfs, there, &system);
  if (tree >= 0 && system.f_type != kind) tree = -ENODEV;
  if (tree >= 0) tree = CALL3(open_tree, there, "", CLONED | AT_EMPTY_PATH);
  CALL1(close, there);
  return tree < 0 ? -1 : (int)tree;
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

/* How much of a file is copied: as much as it says that it has. -1: nothing is read of what is no
 * file, is too large, or is the kernel's own, to which a link of the target's may lead: that has no
 * size, or a made-up one. With our rights it says more than to the target (kallsyms), or is gone
 * once it has been read (kmsg). */
static long size_of(int from) {
  struct statx file;
  struct statfs system;
  if (CALL(statx, from, "", AT_EMPTY_PATH, STATX_TYPE | STATX_SIZE, &file) < 0) return -1;
  if (CALL2(fstatfs, from, &system) < 0) return -1;
  if (system.f_type == PROC_SUPER_MAGIC || system.f_type == SYSFS_MAGIC) return -1;
  const int is_file = (file.stx_mode & 0170000) == 0100000;
  return is_file && file.stx_size <= TOOL_FILE_MOST ? (long)file.stx_size : -1;
}

/* Of a list of users: the homes and shells in it are the container's. Programs of ours that look
 * there (ssh, tmux) would run its code, with more rights than it has. */
static void write_users(int to, const char* bytes, long size, unsigned* field) {
  static const char ours[] = "/:/bin/sh";
  long start = 0;
  for (long i = 0; i < size; i++) {
    if (bytes[i] == '\n') {
      if (*field >= 5) start = i;
      *field = 0;
    } else if (bytes[i] == ':' && ++*field == 5) {
      write_all(to, bytes + start, i + 1 - start);
      write_all(to, ours, sizeof ours - 1);
    }
  }
  if (*field < 5) write_all(to, bytes + start, size - start);
}

static void copy(int from, int root, const char* path) {
  static char bytes[16384];
  const int is_users = path == target_files[TARGET_USERS];
  unsigned field = 0;
  if (from < 0) return;
  long left = size_of(from);
  if (left >= 0) {
    const int to = new_file(root, path);
    while (left > 0) {
      const long most = left < (long)sizeof bytes ? left : (long)sizeof bytes;
      const long more = CALL3(read, from, bytes, most);
      if (more == -EINTR) continue;
      if (more <= 0) break;
      if (is_users) {
        write_users(to, bytes, more, &field);
      } else {
        write_all(to, bytes, more);
      }
      left -= more;
    }
    CALL1(close, to);
  }
  CALL1(close, from);
}

/* A device may do something when it is opened (a watchdog), and the target may have made one of any
 * of these names. On mounts without devices the kernel opens none. */
static void copy_of_target(int root) {
  const int tree = (int)made(CALL3(open_tree, AT_FDCWD, ".", CLONED), CREATE_TOOLS_CONTAINER);
  restrict_tree(tree, MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV);
  for (unsigned i = 0; i < sizeof target_files / sizeof *target_files; i++) {
    const long from = open_below(tree, target_files[i], O_RDONLY | O_NONBLOCK | O_NOCTTY,
                                 RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS);
    copy((int)from, root, target_files[i]);
  }
  CALL1(close, tree);
}

static void make_folders(int root) {
  for (unsigned i = 0; i < sizeof new_folders / sizeof *new_folders; i++) {
    made(CALL3(mkdirat, root, new_folders[i], 0755), CREATE_TOOLS_FILE);
  }
  for (unsigned i = 0; i < sizeof shared_folders / sizeof *shared_folders; i++) {
    made(CALL3(fchmodat, root, shared_folders[i], 01777), CREATE_TOOLS_FILE);
  }
  for (unsigned i = 0; i < TOOL_FOLDERS; i++) {
    if (tools.folder_links[i][0] != 0) {
      made(CALL3(symlinkat, tools.folder_links[i], root, tool_folders[i]), CREATE_TOOLS_FILE);
    } else if (tools.folder_trees[i] >= 0) {
      made(CALL3(mkdirat, root, tool_folders[i], 0755), CREATE_TOOLS_FILE);
      attach(tools.folder_trees[i], root, tool_folders[i]);
    }
  }
  for (unsigned i = 0; i < TOOL_SETTINGS; i++) {
    if (tools.setting_trees[i] < 0) continue;
    made(CALL3(mkdirat, root, tool_settings[i], 0755), CREATE_TOOLS_FILE);
    attach(tools.setting_trees[i], root, tool_settings[i]);
  }
}

/* Terminals that nobody has but the program and what it starts: what is typed on one of the
 * container's own, whoever is root there reads. -1: there are none to be had. */
static int new_terminals(void) {
  const long context = CALL2(fsopen, "devpts", FSOPEN_CLOEXEC);
  if (context < 0) return -1;
  long mounted = CALL(fsconfig, context, FSCONFIG_SET_STRING, "ptmxmode", "0666", 0);
  if (mounted >= 0) mounted = CALL(fsconfig, context, FSCONFIG_CMD_CREATE, 0, 0, 0);
  if (mounted >= 0) {
    mounted = CALL3(fsmount, context, FSMOUNT_CLOEXEC, MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
  }
  CALL1(close, context);
  return mounted < 0 ? -1 : (int)mounted;
}

/* None of the container's own. What it has there it may replace at any time, also by a link: what a
 * program of ours writes to /dev/null would then be in a file of our root, such as ld.so.preload,
 * or on a disk. */
static void make_devices(int root) {
  for (unsigned i = 0; i < TOOL_DEVICES; i++) {
    if (tools.device_trees[i] < 0) continue;
    CALL1(close, new_file(root, tool_devices[i]));
    attach(tools.device_trees[i], root, tool_devices[i]);
  }
  for (unsigned i = 0; i < sizeof device_links / sizeof *device_links; i++) {
    made(CALL3(symlinkat, device_links[i].target, root, device_links[i].path), CREATE_TOOLS_FILE);
  }
  attach(new_terminals(), root, "dev/pts");
}

/* A program that gives up its capabilities (ping) is looked into by whoever is the same user in the
 * container: it finds nothing to write that others of this root load, or run as settings of theirs.
 */
static void make_read_only(int root) {
  struct mount_attr wanted = {MOUNT_ATTR_RDONLY, 0, 0, 0};
  for (unsigned i = 0; i < sizeof writable_folders / sizeof *writable_folders; i++) {
    const char* name = writable_folders[i];
    const long tree = CALL3(open_tree, root, name, OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC);
    attach((int)made(tree, CREATE_TOOLS_CLONE), root, name);
  }
  made(CALL(mount_setattr, root, "", AT_EMPTY_PATH, &wanted, sizeof wanted),
       CREATE_TOOLS_ATTRIBUTES);
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

/* The old root lies on the new one until it is let go of. Where there is nothing to pivot (the
 * initial root file system), the new one lies on that already. */
static void become_root(int root) {
  made(CALL1(fchdir, root), CREATE_TOOLS_MOUNT);
  CALL1(close, root);
  const long pivoted = CALL2(pivot_root, ".", ".");
  if (pivoted == -EINVAL) {
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
void build_tools(void) {
  if (!has_tools()) return;
  made(CALL(mount, 0, "/", 0, MS_REC | MS_SLAVE, 0), CREATE_PROPAGATION);
  const int container = (int)made(CALL3(open_tree, AT_FDCWD, ".", CLONED), CREATE_TOOLS_CONTAINER);
  const int proc = clone_theirs("proc", PROC_SUPER_MAGIC);
  const int sys = clone_theirs("sys", SYSFS_MAGIC);
  const int root = new_tmpfs();
  made(CALL(move_mount, root, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), CREATE_TOOLS_MOUNT);
  make_folders(root);
  for (unsigned i = 0; i < TOOL_FILES; i++) copy(tools.files[i], root, tool_files[i]);
  copy_of_target(root);
  attach(proc >= 0 ? proc : new_joined_proc(), root, "proc");
  attach(sys, root, "sys");
  make_devices(root);
  attach(container, root, "container");
  make_read_only(root);
  become_root(root);
  lacks_proc = proc < 0;
}

/* By who is in the pid namespace, where that is new: in one that was joined, whoever waits for this
 * would meet us with all our rights. EPERM: in a user namespace, where no other /proc is to be
 * seen; then there is none. */
void mount_lacking_proc(void) {
  if (!lacks_proc || (asked(LAUNCH_FORK_JOINED) && !(launch->unshare & NEW_PID))) return;
  const long mounted = CALL(mount, "proc", "/proc", "proc", KERNELS_OWN | MS_RDONLY, "subset=pid");
  if (mounted != -EPERM) made(mounted, CREATE_MOUNT_PROC);
}
