// The content of a file, to another one. Knows nothing of JavaScript.
#pragma once
#include <memory>

#include "root/tree.h"

namespace root {

using Buffer = std::unique_ptr<char[]>;

// As much as it had when `source` was asked for, and with its holes; by the file system's own way
// to share blocks, where CopyFlags ask for that. `*buffer` is made when it is needed, for this file
// and the next ones. 0, or -errno.
int copy_content(int from, int to, const struct statx& source, int flags, Buffer* buffer,
                 Work* work);

// Opens what is no file for stream_content(), by an O_PATH fd. Of a FIFO it waits for a reader.
int open_stream(const Root& root, int file, Work* work);

// To what is no file: a pipe, a terminal, /dev/null. One byte after the other.
int stream_content(int from, int to, const struct statx& source, Buffer* buffer, Work* work);

}  // namespace root
