/* Gives the program a terminal. */
#include "terminal.h"

#include <asm/ioctls.h>
#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/stat.h>
#include <linux/termios.h>

#include "channel.h"
#include "join.h"
#include "open_below.h"
#include "syscalls.h"

static long open_multiplexer(long directory, uint64_t resolve) {
  return open_below(directory, "ptmx", O_RDWR | O_NOCTTY, resolve | RESOLVE_NO_MAGICLINKS);
}

/* -ENODEV: what there is at /dev/pts is no devpts. */
static long open_theirs(const char* root) {
  struct statfs system;
  struct statx file;
  const long base = CALL4(openat, AT_FDCWD, root, O_PATH | O_DIRECTORY | O_CLOEXEC, 0);
  if (base < 0) return base;
  const uint64_t inside = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  const long devices = open_below(base, "dev/pts", O_PATH | O_DIRECTORY, inside);
  CALL1(close, base);
  if (devices < 0) return devices;
  long master = CALL2(fstatfs, devices, &system);
  if (master >= 0 && system.f_type != DEVPTS_SUPER_MAGIC) master = -ENODEV;
  if (master >= 0) master = open_multiplexer(devices, RESOLVE_NO_XDEV | RESOLVE_NO_SYMLINKS);
  CALL1(close, devices);
  if (master < 0) return master;
  const long seen = CALL(statx, master, "", AT_EMPTY_PATH, STATX_TYPE, &file);
  if (seen >= 0 && file.stx_rdev_major == 5 && file.stx_rdev_minor == 2) return master;
  CALL1(close, master);
  return seen < 0 ? seen : -ENODEV;
}

/* Whose it is: who opens it, so in a joined user namespace an id that there is in there; and of the
 * program, where that is somebody else. Of a devpts of another user namespace nobody can say so. */
static void own_terminal(long slave) {
  if (asked(LAUNCH_UID)) CALL3(fchown, slave, launch->uid[1], -1);
}

/* By the channel, with a report: the kernel signs it. */
static void send_terminal(long master) {
  struct launch_report words = {LAUNCH_TERMINAL, 0, 0};
  const struct {
    const void* base;
    uint64_t size;
  } part = {&words, sizeof words};
  const struct {
    uint64_t length;
    int32_t level, type, file, padding;
  } rights = {20, 1 /* SOL_SOCKET */, 1 /* SCM_RIGHTS */, (int32_t)master, 0};
  const struct {
    const void* name;
    uint64_t name_length;
    const void* parts;
    uint64_t count;
    const void* control;
    uint64_t control_length, flags;
  } message = {0, 0, &part, 1, &rights, sizeof rights, 0};
  long sent;
  do {
    sent = CALL3(sendmsg, channel, &message, MESSAGE_NO_SIGNAL);
  } while (sent == -EINTR);
  must(sent, LAUNCH_SENDMSG);
}

void open_terminal(const char* root) {
  if (!asked(LAUNCH_HAS_TERMINAL)) return;
  if (is_joined(NEW_USER)) { /* set_ids() changes these once more */
    CALL1(setfsgid, 0);
    CALL1(setfsuid, 0);
  }
  long master = open_theirs(root);
  if (master < 0 && launch->devices >= 0) {
    master = open_multiplexer(launch->devices, RESOLVE_BENEATH);
  }
  must(master, LAUNCH_OPENAT2);
  const int locked = 0;
  const struct winsize size = {launch->rows, launch->columns, 0, 0};
  must(CALL3(ioctl, master, TIOCSPTLCK, &locked), LAUNCH_IOCTL);
  must(CALL3(ioctl, master, TIOCSWINSZ, &size), LAUNCH_IOCTL);
  const long slave =
      must(CALL3(ioctl, master, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC), LAUNCH_IOCTL);
  own_terminal(slave);
  for (int i = 0; i < 3; i++) must(CALL3(dup3, slave, i, 0), LAUNCH_DUP);
  send_terminal(master);
  CALL1(close, slave);
  CALL1(close, master);
  if (launch->devices >= 0) CALL1(close, launch->devices);
  launch->devices = -1;
}

void control_terminal(void) {
  if (asked(LAUNCH_HAS_TERMINAL)) must(CALL3(ioctl, 0, TIOCSCTTY, 0), LAUNCH_IOCTL);
}
