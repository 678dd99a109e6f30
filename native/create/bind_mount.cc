#include "create/bind_mount.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/file.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <time.h>
#include <unistd.h>

#include "base/result.h"

namespace persist {
namespace {

// Older than this, an empty file is no longer one whose maker is about to bind a namespace to it.
constexpr long kLeftoverSeconds = 60;

constexpr int kLockTries = 500;
constexpr int kLockPause = 10'000;  // microseconds

using sys::result_of;

int path_fd(const char* path) { return result_of(::open(path, O_PATH | O_NOFOLLOW | O_CLOEXEC)); }

bool is_namespace(int fd) {
  struct statfs system;
  return ::fstatfs(fd, &system) == 0 && static_cast<unsigned long>(system.f_type) == NSFS_MAGIC;
}

bool is_empty_file(int fd, long* age) {
  struct statx stat;
  const int failed =
      result_of(::syscall(SYS_statx, fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &stat));
  if (failed < 0 || !S_ISREG(stat.stx_mode) || stat.stx_size != 0) return false;
  *age = ::time(nullptr) - static_cast<long>(stat.stx_mtime.tv_sec);
  return true;
}

// Both by fd: a user who may write in the directory could put something else in the file's place.
int mount_on(int fd, int file) {
  char from[32];
  char to[32];
  snprintf(from, sizeof from, "/proc/self/fd/%d", fd);
  snprintf(to, sizeof to, "/proc/self/fd/%d", file);
  return result_of(::mount(from, to, "none", MS_BIND, nullptr));
}

// With the file as `ip netns` makes it: nobody can read or write it.
int bind_new(int fd, const char* path) {
  const int file = result_of(::open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0));
  if (file < 0) return file;
  const int bound = mount_on(fd, file);
  ::close(file);
  if (bound < 0) ::unlink(path);
  return bound;
}

// The file of a maker that was killed; -EEXIST: it is another.
int open_leftover(const char* path) {
  const int file = path_fd(path);
  if (file < 0) return file;
  long age = 0;
  if (!is_namespace(file) && is_empty_file(file, &age) && age > kLeftoverSeconds) return file;
  ::close(file);
  return -EEXIST;
}

bool is_leftover(const char* path) {
  const int file = open_leftover(path);
  if (file < 0) return false;
  ::close(file);
  return true;
}

int bind_leftover(int fd, const char* path) {
  const int file = open_leftover(path);
  if (file < 0) return file;
  const int bound = mount_on(fd, file);
  ::close(file);
  return bound;
}

// Whoever may open the directory, which everybody may, can hold its lock for ever.
int lock(const char* directory) {
  const int fd = result_of(::open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0) return fd;
  int locked = -EWOULDBLOCK;
  for (int tries = 0; tries < kLockTries && locked == -EWOULDBLOCK; tries++) {
    if (tries > 0) ::usleep(kLockPause);
    locked = result_of(::flock(fd, LOCK_EX | LOCK_NB));
  }
  if (locked == 0) return fd;
  ::close(fd);
  return locked;
}

// EINVAL: it is no mount yet.
int share(const char* directory) {
  return result_of(::mount("", directory, "none", MS_SHARED | MS_REC, nullptr));
}

int make_shared(const char* directory) {
  const int shared = share(directory);
  if (shared != -EINVAL) return shared;
  const int bound = result_of(::mount(directory, directory, "none", MS_BIND | MS_REC, nullptr));
  return bound < 0 ? bound : share(directory);
}

}  // namespace

int bind(int fd, const char* path) { return bind_new(fd, path); }

// Several may lie on top of each other.
int unbind(const char* path, bool leftovers) {
  for (;;) {
    const int fd = path_fd(path);
    if (fd < 0) return fd;
    long age = 0;
    const bool bound = is_namespace(fd);
    const bool empty = !bound && is_empty_file(fd, &age);
    ::close(fd);
    if (!bound) {
      if (!leftovers || !empty) return -EINVAL;
      return result_of(::unlink(path));
    }
    const int gone = result_of(::umount2(path, MNT_DETACH | UMOUNT_NOFOLLOW));
    if (gone < 0) return gone;
    leftovers = true;  // what we have uncovered
  }
}

// Two at once need the lock where the directory is to become a mount, as `ip netns` has it, or
// where both could take over the same file. A new file has one maker.
int add(int fd, const char* directory, const char* path) {
  if (::mkdir(directory, 0755) == -1 && errno != EEXIST) return -errno;
  int done = share(directory);
  if (done != -EINVAL) {
    if (done == 0) done = bind_new(fd, path);
    if (done != -EEXIST || !is_leftover(path)) return done;
  }
  const int locked = lock(directory);
  if (locked < 0) return locked;
  done = make_shared(directory);
  if (done == 0) done = bind_new(fd, path);
  if (done == -EEXIST) done = bind_leftover(fd, path);
  ::close(locked);
  return done;
}

}  // namespace persist
