#include "attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

namespace root {
namespace {

constexpr int kAttempts = 100;  // a name that somebody else keeps taking

int result(long value) { return value == -1 ? -errno : static_cast<int>(value); }

// Of an O_PATH fd, too.
int change_mode(const Root& root, int file, unsigned mode) {
  char name[16];
  snprintf(name, sizeof name, "%d", file);
  return result(::fchmodat(root.self(), name, mode, 0));
}

}  // namespace

int finish(const Root& root, int file, const struct statx& source, int flags) {
  const bool out = (flags & kCopyIn) == 0;
  // Set-ID bits mean the owner: without it they would make a program of root's of any other.
  unsigned mode = source.stx_mode & ((flags & kCopyOwners) != 0 ? 07777 : 01777);
  if ((flags & kCopyOwners) != 0) {
    const int64_t user =
        out ? root.users.Inside(source.stx_uid) : root.users.Outside(source.stx_uid);
    const int64_t group =
        out ? root.groups.Inside(source.stx_gid) : root.groups.Outside(source.stx_gid);
    if (user < 0 || group < 0) return -EINVAL;
    // Root inside has the number of our root, and is somebody without its rights: a program that he
    // made to run as himself must not run as root here.
    if (out && user != source.stx_uid) mode &= ~static_cast<unsigned>(S_ISUID);
    const bool runs = !S_ISDIR(source.stx_mode);  // of a directory the bit means something else
    if (out && runs && group != source.stx_gid) mode &= ~static_cast<unsigned>(S_ISGID);
    const int done = result(
        ::fchownat(file, "", static_cast<uid_t>(user), static_cast<gid_t>(group), AT_EMPTY_PATH));
    if (done < 0) return done;
  }
  if (!S_ISLNK(source.stx_mode)) {
    const int done =
        is_special(source.stx_mode) ? change_mode(root, file, mode) : result(::fchmod(file, mode));
    if (done < 0) return done;
  }
  const struct timespec times[2] = {{source.stx_atime.tv_sec, source.stx_atime.tv_nsec},
                                    {source.stx_mtime.tv_sec, source.stx_mtime.tv_nsec}};
  return result(::utimensat(file, "", times, AT_EMPTY_PATH));
}

int make_special(const Root& root, int from, int parent, const std::string& name,
                 const struct statx& source, int flags) {
  char target[PATH_MAX + 1];
  if (S_ISLNK(source.stx_mode)) {
    const int length = result(::readlinkat(from, "", target, sizeof target - 1));
    if (length < 0) return length;
    target[length] = '\0';
  }
  int done = -EEXIST;
  for (int attempt = 0; attempt < kAttempts && done == -EEXIST; attempt++) {
    done =
        result(S_ISLNK(source.stx_mode)
                   ? ::symlinkat(target, parent, name.c_str())
                   : ::syscall(SYS_mknodat, parent, name.c_str(), (source.stx_mode & S_IFMT) | 0600,
                               makedev(source.stx_rdev_major, source.stx_rdev_minor)));
    if (done != -EEXIST) break;
    const int removed = result(::unlinkat(parent, name.c_str(), 0));
    if (removed < 0 && removed != -ENOENT) return removed;
  }
  if (done < 0) return done;
  const Fd made(result(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)));
  if (made.Get() < 0) return made.Get();
  struct statx now;
  done = stat(made.Get(), "", AT_EMPTY_PATH, &now);
  if (done < 0) return done;
  // Not what we made: then it is left alone.
  if (((now.stx_mode ^ source.stx_mode) & S_IFMT) != 0) return 0;
  return finish(root, made.Get(), source, flags);
}

}  // namespace root
