// What a copy has besides its content. Knows nothing of JavaScript. 0, or -errno.
#pragma once
#include "root/tree.h"

namespace root {

// Owner, mode, times, in the order in which none undoes another. `flags` are CopyFlags.
int finish(const Root& root, int file, const struct statx& source, int flags);

// File capabilities, where owners are kept: for the same user namespace, which has another id here
// than there. After finish(), whose chown(2) takes them away. `from` may be -1.
int finish_capabilities(const Root& root, int from, int to, int flags);

}  // namespace root
