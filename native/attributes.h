// What a copy has besides its content. Knows nothing of JavaScript. 0, or -errno.
#pragma once
#include <string>

#include "tree.h"

namespace root {

// Owner, mode, times, in the order in which none undoes another. `flags` are CopyFlags.
int finish(const Root& root, int file, const struct statx& source, int flags);

// A copy of what has no content: a link, FIFO, device or socket, for which `from` is an O_PATH fd.
// Something else of that name, but a directory, is replaced.
int make_special(const Root& root, int from, int parent, const std::string& name,
                 const struct statx& source, int flags);

}  // namespace root
