// What a copy has besides its content. Knows nothing of JavaScript. 0, or -errno.
#pragma once
#include <optional>

#include "root/filesystem.h"

namespace root {

// A change inside, for as long as it lives. Outside nobody asks.
class Allowed {
 public:
  Allowed(const Root& root, int flags, int fd, Work* work) {
    if ((flags & kCopyIn) != 0) change_.emplace(root, fd, work);
  }
  int Refused() const { return change_ ? change_->Refused() : 0; }

 private:
  std::optional<Change> change_;
};

// Owner, mode, times, in the order in which none undoes another. `flags` are CopyFlags.
int finish(const Root& root, int file, const struct statx& source, int flags, Work* work);

// File capabilities, where owners are kept: for the same user namespace, which has another id here
// than there. After finish(), whose chown(2) takes them away. `from` may be -1.
int finish_capabilities(const Root& root, int from, int to, int flags);

}  // namespace root
