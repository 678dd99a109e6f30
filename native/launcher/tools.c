/* Tools of ours in namespaces of others: what is ours of their root directory is cloned. */
#include "tools.h"

#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <linux/sched.h>

#include "channel.h"
#include "create.h"
#include "fork.h"
#include "join.h"
#include "open_below.h"
#include "signals.h"
#include "syscalls.h"

/* With links, where they are links: /bin to usr/bin. */
const char* const tool_folders[TOOL_FOLDERS] = {"usr",   "bin",   "sbin",  "lib",
                                                "lib32", "lib64", "libx32"};
/* What programs need besides, and no more: there are private keys in /etc/ssl. */
const char* const tool_settings[TOOL_SETTINGS] = {
    "etc/alternatives", "etc/ssl/certs", "etc/pki/ca-trust", "etc/pki/tls/certs", "etc/terminfo"};
const char* const tool_files[TOOL_FILES] = {"etc/ld.so.cache", "etc/nsswitch.conf", "etc/services",
                                            "etc/protocols", "etc/ssl/openssl.cnf"};
const char* const tool_devices[TOOL_DEVICES] = {"dev/null",   "dev/zero",    "dev/full",
                                                "dev/random", "dev/urandom", "dev/tty"};

#define TREES (sizeof tools.trees / sizeof *tools.trees)
struct tools tools;
int pid_namespace = -1;
static int tools_taken;

int has_tools(void) { return create != 0 && create->tools != 0; }

/* A detached copy of what is there, with all that is mounted below. */
static long clone_below(int directory, const char* path, uint64_t resolve) {
  const long there = open_below(directory, path, O_PATH, resolve | RESOLVE_NO_MAGICLINKS);
  if (there < 0) return there;
  const long tree = CALL3(open_tree, there, "", CLONED | AT_EMPTY_PATH);
  CALL1(close, there);
  return tree;
}

void restrict_tree(int tree, uint64_t attributes) {
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
  const long length = CALL4(readlinkat, base, tool_folders[i], tools.folder_links[i],
                            sizeof tools.folder_links[i] - 1);
  tools.folder_trees[i] = length < 0
                              ? take_tree(base, tool_folders[i],
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

int new_tmpfs(void) {
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

int new_file(int root, const char* path) {
  return (int)made(CALL4(openat, root, path, O_CREAT | O_EXCL | O_WRONLY | O_CLOEXEC, 0644),
                   CREATE_TOOLS_FILE);
}

/* Who has CAP_SYS_ADMIN in the user namespace that the new mount namespace belongs to could make
 * what is read-only writable again, and if our root has a number in there, our files with it. The
 * kernel keeps the attributes for good of what was copied into a namespace of another user
 * namespace: there a child of ours clones the trees once more, and puts them in the place of the
 * first, in files that it shares with us. It is seen by nobody who does not see us. */
static void clone_locked(void) {
  char name[] = "a";
  made(CALL1(unshare, NEW_MNT), CREATE_TOOLS_CLONE);
  made(CALL(mount, 0, "/", 0, MS_REC | MS_PRIVATE, 0), CREATE_PROPAGATION);
  const int top = new_tmpfs();
  made(CALL(move_mount, top, "", AT_FDCWD, "/", MOVE_MOUNT_F_EMPTY_PATH), CREATE_TOOLS_MOUNT);
  for (unsigned i = 0; i < TREES; i++, name[0]++) {
    if (tools.trees[i] < 0) continue;
    if (i < TOOL_FOLDERS + TOOL_SETTINGS) {
      made(CALL3(mkdirat, top, name, 0755), CREATE_TOOLS_FILE);
    } else {
      CALL1(close, new_file(top, name));
    }
    made(CALL(move_mount, tools.trees[i], "", top, name, MOVE_MOUNT_F_EMPTY_PATH),
         CREATE_TOOLS_MOUNT);
  }
  made(CALL1(fchdir, top), CREATE_TOOLS_CLONE);
  made(CALL1(chroot, "."), CREATE_TOOLS_CLONE); /* elsewhere nobody creates a user namespace */
  made(CALL1(unshare, NEW_USER | NEW_MNT), CREATE_TOOLS_CLONE);
  name[0] = 'a';
  for (unsigned i = 0; i < TREES; i++, name[0]++) {
    if (tools.trees[i] < 0) continue;
    const long tree = made(CALL3(open_tree, AT_FDCWD, name, CLONED), CREATE_TOOLS_CLONE);
    made(CALL3(dup3, tree, tools.trees[i], O_CLOEXEC), CREATE_TOOLS_CLONE);
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

/* Descriptors stay those of the namespace that was copied: where it is the target's, too, its root
 * directory is opened anew. */
static void copy_mounts(void) {
  const int is_theirs = !is_joined(NEW_MNT);
  if (is_theirs) must(CALL1(fchdir, launch->root), LAUNCH_FCHDIR);
  made(CALL1(unshare, NEW_MNT), CREATE_TOOLS_CLONE);
  if (!is_theirs) return;
  const long root =
      must(CALL4(openat, AT_FDCWD, ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), LAUNCH_FCHDIR);
  must(CALL3(dup3, root, launch->root, O_CLOEXEC), LAUNCH_DUP);
  CALL1(close, root);
}

static void take(int in_user_namespace) {
  if (!has_tools() || tools_taken) return;
  if (in_user_namespace) copy_mounts();
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
    for (unsigned i = 0; i < TOOL_FOLDERS; i++) take_folder(base, i);
    for (unsigned i = 0; i < TOOL_SETTINGS; i++) {
      tools.setting_trees[i] = take_tree(base, tool_settings[i], fixed);
    }
    for (unsigned i = 0; i < TOOL_DEVICES; i++) {
      /* Read-only, a device can be written to, but its mode and owner stay. */
      tools.device_trees[i] = take_tree(top, tool_devices[i],
                                        MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC);
    }
    for (unsigned i = 0; i < TOOL_FILES; i++) {
      tools.files[i] = (int)open_below(base, tool_files[i], O_RDONLY | O_NONBLOCK | O_NOCTTY,
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

void take_tools(void) { take(0); }
void take_tools_in_user_namespace(void) { take(1); }
