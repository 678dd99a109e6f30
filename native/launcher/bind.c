/* Binds new namespaces to files, so that they stay. */
#include "bind.h"

#include <asm/statfs.h>
#include <linux/errno.h>
#include <linux/fcntl.h>
#include <linux/magic.h>
#include <linux/mount.h>
#include <linux/stat.h>

#include "create.h"
#include "helper.h"
#include "syscalls.h"

#define FILES 8

static const char* const kept[FILES] = {"user", "cgroup",           "ipc", "uts",
                                        "net",  "pid_for_children", "mnt", "time_for_children"};

static struct helper binder;

static char* append(char* end, const char* string) {
  while (*string != 0) *end++ = *string++;
  *end = 0;
  return end;
}

static char* append_number(char* end, unsigned number) {
  char digits[12];
  char* digit = digits + sizeof digits - 1;
  *digit = 0;
  do {
    *--digit = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  return append(end, digit);
}

/* Nothing is in it that would be covered, and no namespace already. */
static int is_empty_file(long file) {
  struct statfs system;
  struct statx stat;
  if (CALL2(fstatfs, file, &system) < 0 || system.f_type == NSFS_MAGIC) return 0;
  const long done = CALL(statx, file, "", 0x1000 /* AT_EMPTY_PATH */, STATX_BASIC_STATS, &stat);
  return done >= 0 && (stat.stx_mode & 0170000) == 0100000 /* S_IFREG */ && stat.stx_size == 0;
}

/* One that is there, or one as `ip netns` makes it: nobody can read or write it. By fd: a user who
 * may write in the directory could put something else in its place. 1: it is new. */
static long bind_file(int self, const char* name, const char* path) {
  char from[64];
  char to[64];
  long file = CALL4(openat, AT_FDCWD, path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
  const int new = file >= 0;
  if (file == -EEXIST) {
    file = CALL4(openat, AT_FDCWD, path, O_PATH | O_CLOEXEC, 0);
    if (file >= 0 && !is_empty_file(file)) file = -EEXIST;
  }
  if (file < 0) return file;
  char* end = append_number(append(from, "/proc/self/fd/"), (unsigned)self);
  append(append(end, "/ns/"), name);
  append_number(append(to, "/proc/self/fd/"), (unsigned)file);
  const long bound = CALL(mount, from, to, "none", MS_BIND, 0);
  CALL1(close, file);
  if (bound < 0 && new) CALL3(unlinkat, AT_FDCWD, path, 0);
  return bound < 0 ? bound : new;
}

/* All of them, or none. */
static void bind_files(int self) {
  long done[FILES];
  for (int i = 0; i < FILES; i++) {
    done[i] = -1;
    if (create->files[i] == 0) continue;
    done[i] = bind_file(self, kept[i], text(create->files[i]));
    if (done[i] >= 0) continue;
    for (int before = 0; before < i; before++) {
      if (done[before] < 0) continue;
      CALL2(umount2, text(create->files[before]), 2 /* MNT_DETACH */);
      if (done[before]) CALL3(unlinkat, AT_FDCWD, text(create->files[before]), 0);
    }
    made(done[i], CREATE_BIND + i);
  }
}

void start_binder(void) {
  for (int i = 0; i < FILES; i++) {
    if (create->files[i] == 0) continue;
    start_helper(&binder, bind_files);
    return;
  }
}

void hear_binder(void) { hear_helper(&binder); }
void ask_binder(void) { ask_helper(&binder, !parent_may_look); }
