// The content of a file, to another one. Knows nothing of JavaScript.
#pragma once
#include <memory>

#include "tree.h"

namespace root {

using Buffer = std::unique_ptr<char[]>;

// As much as it had when `source` was asked for, and with its holes. `*buffer` is made when it is
// needed, for this file and the next ones. 0, or -errno.
int copy_content(int from, int to, const struct statx& source, Buffer* buffer, Work* work);

}  // namespace root
