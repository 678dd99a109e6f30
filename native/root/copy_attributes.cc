#include "root/copy_attributes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/result.h"

namespace root {
namespace {

using sys::result_of;

// Of an O_PATH fd, too.
int change_mode(const Root& root, int file, unsigned mode) {
  char name[16];
  snprintf(name, sizeof name, "%d", file);
  return result_of(::fchmodat(root.self(), name, mode, 0));
}

}  // namespace

int finish(const Root& root, int file, const struct statx& source, int flags, Work* work) {
  // What a container has mounted over a directory that we made is not ours to give to it.
  const Allowed allowed(root, flags, file, work);
  if (allowed.Refused() < 0) return allowed.Refused();
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
    const int done = result_of(
        ::fchownat(file, "", static_cast<uid_t>(user), static_cast<gid_t>(group), AT_EMPTY_PATH));
    if (done < 0) return done;
  }
  if (!S_ISLNK(source.stx_mode)) {
    const int done = is_special(source.stx_mode) ? change_mode(root, file, mode)
                                                 : result_of(::fchmod(file, mode));
    if (done < 0) return done;
  }
  if ((flags & kCopyNewTimes) != 0) return 0;
  const struct timespec times[2] = {{source.stx_atime.tv_sec, source.stx_atime.tv_nsec},
                                    {source.stx_mtime.tv_sec, source.stx_mtime.tv_nsec}};
  return result_of(::utimensat(file, "", times, AT_EMPTY_PATH));
}

// linux/capability.h: struct vfs_ns_cap_data. Version 2 ends before `root`, and means the root of
// the user namespace that mounted the file system: here that is ours.
int finish_capabilities(const Root& root, int from, int to, int flags) {
  if (from < 0 || (flags & kCopyOwners) == 0) return 0;
  struct {
    uint32_t magic;
    uint32_t sets[4];
    uint32_t root;
  } data = {};
  constexpr size_t kVersion2 = sizeof data - sizeof data.root;
  const int length = result_of(::fgetxattr(from, "security.capability", &data, sizeof data));
  if (length == -ENODATA || length == -EOPNOTSUPP) return 0;
  if (length < 0) return length;
  const bool in = (flags & kCopyIn) != 0;
  const int64_t owner = in ? root.users.Outside(data.root) : root.users.Inside(data.root);
  if (owner < 0) return static_cast<int>(owner);
  // As the set-ID bits: root of a user's container has the number of our root.
  if (!in && owner != data.root) return 0;
  data.root = static_cast<uint32_t>(owner);
  data.magic = (data.magic & 0xffffff) | (owner == 0 ? 0x02000000 : 0x03000000);
  const size_t size = owner == 0 ? kVersion2 : sizeof data;
  return result_of(::fsetxattr(to, "security.capability", &data, size, 0));
}

}  // namespace root
