// An open root of a container, and how a path is resolved in it: by the kernel, by openat2(2) with
// RESOLVE_IN_ROOT, so that no link in it leads out. Knows nothing of JavaScript.
// Every function returns a value >= 0, or -errno. Every fd it opens is close-on-exec.
#pragma once
#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/kernel.h"
#include "root/id_map.h"

namespace root {

using sys::Fd;

// What a directory is known by.
struct Identity {
  uint64_t device;
  uint64_t inode;
  uint64_t mount;
  bool operator==(const Identity&) const = default;
};

// openat2(2), again where a directory on the way was renamed meanwhile.
int resolve(int directory, const std::string& path, kernel::OpenHow how);
int stat(int directory, const char* name, int flags, struct statx* found);
int identify(int directory, const char* name, int flags, Identity* identity);
uint64_t mount_of(const struct statx& found);

class Root {
 public:
  // Of a process, by its O_PATH directory in /proc and one of its root; of a mount namespace itself
  // (both: -1). `mounts` is held, so that no mount below the root goes away meanwhile. Takes all.
  int Open(int process, int root, int mounts);

  // A directory of another root, as a root of its own: in this one no link is followed at all, and
  // nothing leads up. Takes the fd.
  int Within(const Root& whole, int directory);

  // The first thing that a call does: is this still the root of that process? -ESRCH: it has
  // exited. -ESTALE: its root is another one by now, or has been unmounted.
  int Check() const;

  // openat2(2). With O_PATH or O_NONBLOCK in `flags`, as everywhere here, it opens no device for
  // use and waits for no FIFO.
  int Resolve(const std::string& path, uint64_t flags, uint64_t mode = 0) const;

  // The same from the root of the container on, where this is only a part of it.
  int ResolveFromTop(const std::string& path, uint64_t flags) const;

  // The directory that the last component of `path` is in, as an O_PATH fd, and that component;
  // slashes behind it stay with it. What is done to a name in a directory (unlinkat, mkdirat,
  // renameat ...) follows no link.
  int Parent(const std::string& path, std::string* name) const;

  // The very file that an O_PATH fd stands for, by our own /proc.
  int Reopen(int fd, int flags) const;

  // The path, with the links at its end replaced by what they say, until there is none.
  int FollowLast(std::string* path) const;

  int Readlink(const std::string& path, std::string* target) const;
  int Realpath(const std::string& path, std::string* real) const;

  // What the calling thread creates from now on is the container's root's. Before any Change.
  void Become() const { become(users, groups); }

  // Is the container for certain in another user namespace?
  bool IsForeign() const { return users.IsForeign() || groups.IsForeign(); }
  // Are owner and group of a file ids that are known inside?
  bool Knows(const struct statx& found) const;

  int self() const { return self_.Get(); }
  int fd() const { return root_.Get(); }
  int top() const { return whole_.Get() < 0 ? root_.Get() : whole_.Get(); }
  int mounts() const { return mounts_.Get(); }
  uint64_t mount() const { return identity_.mount; }
  Ids users;
  Ids groups;

 private:
  int Attached() const;

  Fd process_;
  Fd mounts_;
  Fd root_;
  Fd whole_;              // of a part, the root of the container
  Fd self_;               // our own /proc/self/fd
  uint64_t resolve_ = 0;  // RESOLVE_*, of openat2(2)
  Identity identity_ = {};
  uint64_t unique_mount_ = 0;  // 0: this kernel cannot tell whether a mount is still there
  uint64_t namespace_ = 0;
};

// Splits a path: where the last component is, and the component with the slashes behind it.
void split(const std::string& path, std::string* directory, std::string* name);
bool is_special(unsigned mode);
std::string temporary_name();

}  // namespace root
