// A file descriptor that closes itself, and tables of them. Knows nothing of JavaScript.
#pragma once

namespace sys {

// A file descriptor that is closed with its owner.
class File {
 public:
  explicit File(int fd) : fd_(fd) {}
  File(const File&) = delete;
  File& operator=(const File&) = delete;
  ~File();
  int fd() const { return fd_; }  // or -errno
  bool open() const { return fd_ >= 0; }

 private:
  const int fd_;
};

// Gives this thread a table of file descriptors of its own, an empty one: what it opens, nobody
// else in the process sees or inherits. Before Linux 5.9 it stays with the common one.
void part_files();

}  // namespace sys
