/* The part of launcher.c that makes new namespaces, and makes them what was asked for: ids, clocks,
 * names, interfaces, mounts, root. Included there, once. src/create/request.ts writes the struct.
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
};

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
  CREATE_MOUNT_PROC
};

/* preload.c includes us too. */
#define UNUSED_BY_PRELOAD __attribute__((unused))

#define NEW_MNT 0x00020000u
#define MAP_WORDS 1400 /* more than numbers fit a page, with the program's name and the pid */

static struct launch_create* create;
static int own_files; /* whether the files of a process that nobody may look into are not ours */
static int proc = -1; /* our own /proc: a joined mount namespace may have any other */

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

/* ---- before anything is joined ---- */

static void open_proc(void) {
  if (launch->create == 0) return;
  create = at(launch->create);
  if ((create->uid_map | create->gid_map | create->setgroups | create->offsets) == 0) return;
  struct statfs system;
  proc =
      (int)made(CALL4(openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), CREATE_PROC);
  made(CALL2(fstatfs, proc, &system), CREATE_PROC);
  if (system.f_type != PROC_SUPER_MAGIC) made(-ENOTDIR, CREATE_PROC);
}

/* ---- ids ---- */

static int has_ended_well(long child) {
  int status = 0;
  long done;
  do {
    done = CALL4(wait4, child, &status, 0, 0);
  } while (done == -EINTR);
  return done == child && status == 0;
}

/* newuidmap(1): the program's name, our pid, and the words of the map, which are cut apart. */
static void run_map_program(char* program, char* map, int step) {
  static char pid[16];
  static char* words[MAP_WORDS];
  char* none[] = {0};
  unsigned count = 0;
  char* digit = pid + sizeof pid - 1;
  for (long rest = CALL0(getppid); rest > 0; rest /= 10) *--digit = (char)('0' + rest % 10);
  words[count++] = program;
  words[count++] = digit;
  for (char* at = map; *at != 0;) {
    if (count >= MAP_WORDS - 1) made(-E2BIG, step);
    words[count++] = at;
    while (*at > ' ') at++;
    while (*at != 0 && *at <= ' ') *at++ = 0;
  }
  words[count] = 0;
  const long child = made(CALL(clone, SIGCHLD_NUMBER, 0, 0, 0, 0), step);
  if (child == 0) {
    const long null = CALL4(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    for (int i = 0; i < 3 && null >= 0; i++) CALL3(dup3, null, i, 0);
    CALL3(close_range, 3, ~0u, 0);
    CALL3(execve, program, words, none);
    quit(127);
  }
  if (!has_ended_well(child)) made(-EPERM, step);
}

static void write_map(int self, const char* name, uint32_t map, uint32_t program, int step) {
  if (map == 0) return;
  if (program == 0) {
    write_text(self, name, text(map), step);
  } else {
    run_map_program(text(program), text(map), step + CREATE_NEWUIDMAP - CREATE_UID_MAP);
  }
}

/* A process that stays outside: only there it has the right to map others than ourselves. It waits
 * until we are inside; with us it ends, because the other end of its socket closes. */
static long start_mapper(int self, int* signal) {
  int pair[2];
  made(CALL4(socketpair, 1 /* AF_UNIX */, 1 | O_CLOEXEC /* SOCK_STREAM */, 0, pair), CREATE_HELPER);
  const long child = made(CALL(clone, SIGCHLD_NUMBER, 0, 0, 0, 0), CREATE_HELPER);
  if (child == 0) {
    char go;
    CALL1(close, pair[0]);
    if (CALL3(read, pair[1], &go, 1) != 1) quit(0);
    /* An unprivileged gid_map wants setgroups denied before (CVE-2014-8989). */
    if (create->setgroups != 0) {
      write_text(self, "setgroups", text(create->setgroups), CREATE_SETGROUPS);
    }
    write_map(self, "uid_map", create->uid_map, create->uid_helper, CREATE_UID_MAP);
    write_map(self, "gid_map", create->gid_map, create->gid_helper, CREATE_GID_MAP);
    quit(0);
  }
  CALL1(close, pair[1]);
  *signal = pair[0];
  return child;
}

static void let_map(long mapper, int signal) {
  CALL(sendto, signal, "", 1, MESSAGE_NO_SIGNAL, 0);
  int status = 0;
  long done;
  do {
    done = CALL4(wait4, mapper, &status, 0, 0);
  } while (done == -EINTR);
  CALL1(close, signal);
  if (status >> 8 == 126 || status >> 8 == 127) quit(status >> 8); /* it has said why */
  if (done < 0 || status != 0) made(-EIO, CREATE_HELPER);
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
  must(CALL1(chroot, "."), LAUNCH_CHROOT);
  CALL1(close, launch->root);
  launch->root = -1;
}

static void create_namespaces(void) {
  if (launch->unshare == 0) return;
  const int inside = launch->types[0] == NEW_USER; /* in a joined user namespace */
  if (launch->unshare & NEW_MNT) enter_root();     /* in the copy it would be the original's */
  if (inside && (launch->unshare & NEW_USER)) {    /* whoever has no id in it cannot create one */
    CALL3(setresgid, 0, 0, 0);
    CALL3(setresuid, 0, 0, 0);
  }
  int self = -1;
  int signal = -1;
  long mapper = 0;
  if (proc >= 0) {
    self = (int)made(CALL4(openat, proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), CREATE_PROC);
    CALL1(close, proc);
    if (create->uid_map | create->gid_map | create->setgroups) mapper = start_mapper(self, &signal);
  }
  if (create != 0 && (create->flags & CREATE_OWNER)) set_owner();
  /* Those of a process that nobody may look into are root's, and not ours to write. */
  own_files = inside || CALL0(geteuid) != 0;
  if (own_files && self >= 0) CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  must(CALL1(unshare, launch->unshare), LAUNCH_UNSHARE);
  if (create == 0) return;
  if (mapper != 0) let_map(mapper, signal);
  if (create->offsets != 0) {
    write_text(self, "timens_offsets", text(create->offsets), CREATE_OFFSETS);
  }
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  if (self >= 0) CALL1(close, self);
  set_names();
  if (create->loopback) bring_loopback_up();
}

/* ---- mounts ---- */

static void mount_proc(void) {
  if (create->proc == 0) return;
  made(CALL(mount, "proc", text(create->proc), "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, 0),
       CREATE_MOUNT_PROC);
}

/* The old root lies on top of the new one until it is let go of, so paths that begin at our root
 * are the new one's; and a new /proc may be mounted, which a user is refused where no old one is
 * left. Where there is nothing to pivot (our root is no mount point, or the initial one): as
 * switch_root. */
static void pivot(const char* path) {
  made(CALL(mount, path, path, 0, MS_BIND | MS_REC, 0), CREATE_ROOT);
  made(CALL1(chdir, path), CREATE_ROOT);
  const long pivoted = CALL2(pivot_root, ".", ".");
  if (pivoted == -EINVAL) {
    mount_proc();
    made(CALL(mount, ".", "/", 0, MS_MOVE, 0), CREATE_PIVOT);
    made(CALL1(chroot, "."), CREATE_PIVOT);
  } else {
    made(pivoted, CREATE_PIVOT);
    mount_proc();
    made(CALL2(umount2, ".", 2 /* MNT_DETACH */), CREATE_DETACH);
  }
  made(CALL1(chdir, "/"), CREATE_ROOT);
}

/* Whether the root that was asked for has been entered. */
static int arrange_mounts(void) {
  if (create == 0 || !(launch->unshare & NEW_MNT)) return 0;
  const char* root = at(launch->root_path);
  const unsigned long wanted = create->propagation;
  const unsigned long first = root != 0 && wanted == MS_SHARED ? MS_PRIVATE : wanted;
  if (first != 0) made(CALL(mount, 0, "/", 0, MS_REC | first, 0), CREATE_PROPAGATION);
  if (root == 0) {
    mount_proc();
    return 0;
  }
  pivot(root);
  if (first != wanted) made(CALL(mount, 0, "/", 0, MS_REC | wanted, 0), CREATE_PROPAGATION);
  return 1;
}

/* ---- holding ---- */

/* Until the addon closes the channel, by itself or because its process ends, however that ends. An
 * ignored SIGCHLD is all the reaping that an init has to do: the kernel does it. What a user is to
 * open he must be allowed to look into; with the byte that says that it is done, that is over. */
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
  if (own_files) CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  report(LAUNCH_READY, 0, 0);
  char byte;
  while (CALL3(read, channel, &byte, 1) != 0) CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  quit(0);
}
