// On which file systems something may be changed, and with whose rights. A path in a container may
// lead to files that are the kernel's settings (/proc/sys), or the machine's (/sys, control groups,
// tracing): they are inside, and yet what they change is everybody's. So whatever changes something
// asks here first, by the descriptor that it acts on then. Knows nothing of JavaScript.
#pragma once
#include "root/tree.h"

namespace root {

// One change, while it is made: of what `fd` stands for, a file that is opened for writing, its
// mode, owner or times; or, of a directory, the names in it. `fd` may be an O_PATH one. What is
// done is done to this very fd (/proc/self/fd, AT_EMPTY_PATH, a name in it that is not followed);
// no path is resolved once more.
//
//   const Change change(root, directory, work);
//   if (change.Refused() < 0) return change.Refused();
//   return result_of(::mkdirat(directory, name, mode));
//
// As long as it lives, the calling thread, which has become the container's (Root::Become()), has
// the rights of the container's root over that file: our capabilities where owner and group of the
// file are ids of the container's user namespace, and none where they are not (in the kernel,
// privileged_wrt_inode_uidgid()). So a user who has our files before him in a user namespace of his
// own, as `unshare -Urm` shows them, gets nothing changed that he may not change himself.
class Change {
 public:
  Change(const Root& root, int fd, Work* work);
  Change(const Change&) = delete;
  ~Change();

  // 0; or -EPERM where it is on no file system that holds files, and the caller has not named that
  // in `work->systems`: then `work->system` is its name. Or another -errno, of fstatfs(2).
  int Refused() const { return refused_; }

 private:
  int refused_;
  bool narrowed_ = false;
};

// May whoever has this descriptor change what it stands for, by fchmod(2) and its kin? 0; or 1,
// with `work->system` where that is why.
int is_beyond(const Root& root, int fd, Work* work);

// Is this a file system that is known to hold no files, but what the kernel shows of itself? Of
// autofs it is not: what is mounted below it may.
bool is_kernels(int fd);

}  // namespace root
