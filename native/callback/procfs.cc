#include "callback/procfs.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <atomic>

#include "base/kernel.h"

namespace procfs {
namespace {

constexpr int kMostLinks = 40;  // the kernel's own limit

// The device numbers of our own /proc and of nsfs, of which there is one. 0: not known.
std::atomic<uint64_t> own_procfs{0};
std::atomic<uint64_t> nsfs{0};

struct Kind {
  bool procfs;
  bool namespace_or_device;
  bool link;
};

// AT_STATX_DONT_SYNC: what the kernel knows already, without a word to a server.
int look(int fd, struct statx* seen) {
  const long done = ::syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                              STATX_TYPE | STATX_INO, seen);
  return done == -1 ? -errno : 0;
}

uint64_t device_of(const struct statx& seen) {
  return makedev(seen.stx_dev_major, seen.stx_dev_minor);
}

bool is_procfs(int fd) {
  struct statfs system;
  return ::fstatfs(fd, &system) == 0 &&
         static_cast<unsigned long>(system.f_type) == PROC_SUPER_MAGIC;
}

void learn(const char* path, std::atomic<uint64_t>* device, bool (*check)(int)) {
  const int fd = ::open(path, O_PATH | O_CLOEXEC);
  if (fd == -1) return;
  struct statx seen;
  if (look(fd, &seen) == 0 && (check == nullptr || check(fd))) *device = device_of(seen);
  ::close(fd);
}

// Every inode of procfs has blocks of 1,024 bytes and no disk below it. What looks so and is not
// our own /proc may be a server's: only fstatfs(2) tells, and that may ask it.
int kind_of(int fd, bool wait, Kind* kind) {
  struct statx seen;
  const int failed = look(fd, &seen);
  if (failed < 0) return failed;
  const uint64_t device = device_of(seen);
  *kind = {};
  kind->link = S_ISLNK(seen.stx_mode);
  // tun(4): misc device 200. The interface that it makes is in the network of the opener.
  const bool tun =
      S_ISCHR(seen.stx_mode) && seen.stx_rdev_major == 10 && seen.stx_rdev_minor == 200;
  kind->namespace_or_device = tun || (nsfs != 0 && device == nsfs);
  if (seen.stx_dev_major != 0 || seen.stx_blksize != 1024) return 0;
  if (device != own_procfs) {
    if (!wait) return -EAGAIN;
    if (!is_procfs(fd)) return 0;
  }
  kind->procfs = true;
  return 0;
}

int conclude(int fd, bool wait, Answer* answer) {
  Kind kind;
  const int failed = kind_of(fd, wait, &kind);
  if (failed < 0) return failed;
  answer->by_thread = kind.procfs || kind.namespace_or_device;
  answer->path[0] = '\0';
  if (!kind.procfs) return 0;
  char link[32];
  snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const long length = ::readlink(link, answer->path, sizeof answer->path - 1);
  answer->path[length < 0 ? 0 : length] = '\0';
  return 0;
}

// RESOLVE_CACHED: from memory alone, or EAGAIN.
int open_cached(int directory, const char* name, int flags) {
  const kernel::OpenHow how = {static_cast<uint64_t>(O_PATH | O_CLOEXEC | flags), 0,
                               kernel::kCached};
  const long fd = ::syscall(kernel::kOpenat2, directory, name, &how, sizeof how);
  if (fd != -1) return static_cast<int>(fd);
  // Not in this kernel (before Linux 5.12), or not for us.
  const bool unknown = errno == ENOSYS || errno == EINVAL || errno == EPERM || errno == E2BIG;
  return unknown ? -EAGAIN : -errno;
}

int open_waiting(int directory, const char* name, int flags) {
  const int fd = ::openat(directory, name, O_PATH | O_CLOEXEC | flags);
  return fd == -1 ? -errno : fd;
}

// No fd to look with: a question on the calling thread gets the right answer at any rate.
bool no_fd(int error) { return error == -EMFILE || error == -ENFILE || error == -ENOMEM; }

// One step after the other, for a path that does not exist, or of which the kernel has forgotten a
// part. It matters in which file system a step fails: what is missing in our /proc may be there for
// another thread.
class Walk {
 public:
  Walk(bool wait, Answer* answer) : wait_(wait), answer_(answer) {}
  ~Walk() {
    if (at_ >= 0) ::close(at_);
  }

  int run(const char* path, bool follow) {
    if (strlen(path) >= sizeof rest_) return missing(false);
    strcpy(rest_, path);
    const int failed = go(open_waiting(AT_FDCWD, *rest_ == '/' ? "/" : ".", O_DIRECTORY));
    if (failed < 0) return missing(no_fd(failed));
    for (;;) {
      char name[NAME_MAX + 1];
      const size_t length = take(name);
      if (length == 0) return conclude(at_, wait_, answer_);
      if (length > NAME_MAX) return missing(false);
      const bool last = *rest_ == '\0';
      const int done = step(name, last && !follow);
      if (done < 0) return done;
      if (done > 0) return 0;
    }
  }

 private:
  // The call on it will fail, on this thread at least.
  int missing(bool by_thread) {
    answer_->by_thread = by_thread;
    return 0;
  }

  // Takes over the fd, or returns what it is instead.
  int go(int fd) {
    if (fd < 0) return fd;
    if (at_ >= 0) ::close(at_);
    at_ = fd;
    return 0;
  }

  // The next component of rest_; its length, or 0 where there is none.
  size_t take(char* name) {
    char* begin = rest_ + strspn(rest_, "/");
    const size_t length = strcspn(begin, "/");
    if (length <= NAME_MAX) {
      memcpy(name, begin, length);
      name[length] = '\0';
    }
    memmove(rest_, begin + length, strlen(begin + length) + 1);
    return length;
  }

  // 0: go on; 1: answer_ says it; -EAGAIN.
  int step(const char* name, bool stay) {
    Kind here;
    if (int failed = kind_of(at_, wait_, &here); failed < 0) return failed;
    const bool may_wait = wait_ || here.procfs;
    const int next =
        may_wait ? open_waiting(at_, name, O_NOFOLLOW) : open_cached(at_, name, O_NOFOLLOW);
    if (next == -EAGAIN) return next;
    if (next < 0) {
      missing(here.procfs || no_fd(next));
      return 1;
    }
    Kind kind;
    if (int failed = kind_of(next, wait_, &kind); failed < 0) {
      ::close(next);
      return failed;
    }
    if (!kind.link || stay) return go(next);
    const int done = here.procfs && kind.procfs ? jump(name) : follow(next);
    ::close(next);
    return done;
  }

  // A link of procfs does not lead where it says (proc_pid_fd(5)), but never to a server's answer.
  int jump(const char* name) {
    const int target = open_waiting(at_, name, 0);
    if (target >= 0) return go(target);
    missing(true);
    return 1;
  }

  int follow(int link) {
    if (!wait_) return -EAGAIN;  // what it says may be a server's answer
    char text[2 * PATH_MAX];
    const long length = ++links_ > kMostLinks ? -1 : ::readlinkat(link, "", text, PATH_MAX);
    if (length < 0 || length + strlen(rest_) >= sizeof rest_) {
      missing(false);
      return 1;
    }
    strcpy(text + length, rest_);
    strcpy(rest_, text);
    if (*rest_ != '/') return 0;
    return go(open_waiting(AT_FDCWD, "/", O_DIRECTORY));
  }

  const bool wait_;
  Answer* const answer_;
  int at_ = -1;
  int links_ = 0;
  char rest_[2 * PATH_MAX];
};

void learn_devices() {
  if (own_procfs == 0) learn("/proc", &own_procfs, is_procfs);
  if (nsfs == 0) learn("/proc/self/ns/net", &nsfs, nullptr);
}

}  // namespace

int look_at_path(const char* path, bool follow, bool wait, Answer* answer) {
  learn_devices();
  *answer = {};
  const int flags = follow ? 0 : O_NOFOLLOW;
  const int fd = wait ? open_waiting(AT_FDCWD, path, flags) : open_cached(AT_FDCWD, path, flags);
  if (fd < 0) return Walk(wait, answer).run(path, follow);
  const int done = conclude(fd, wait, answer);
  ::close(fd);
  return done;
}

int look_at_fd(int fd, bool wait, Answer* answer) {
  learn_devices();
  *answer = {};
  const int done = conclude(fd, wait, answer);
  return done == -EBADF ? 0 : done;
}

}  // namespace procfs
