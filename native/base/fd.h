// A file descriptor that closes itself, and tables of them. Knows nothing of JavaScript.
#pragma once

namespace sys {

class Fd {
 public:
  explicit Fd(int fd = -1) : fd_(fd) {}
  Fd(const Fd&) = delete;
  Fd(Fd&& other) noexcept : fd_(other.Take()) {}
  Fd& operator=(Fd&& other) noexcept {
    Reset(other.Take());
    return *this;
  }
  ~Fd() { Reset(); }
  int Get() const { return fd_; }  // or -errno
  bool IsOpen() const { return fd_ >= 0; }
  int Take() {
    const int fd = fd_;
    fd_ = -1;
    return fd;
  }
  void Reset(int fd = -1);

 private:
  int fd_;
};

// Gives this thread a table of file descriptors of its own, an empty one: what it opens, nobody
// else in the process sees or inherits. Before Linux 5.9 it stays with the common one.
void part_files();

// 0 from Linux 5.9 on, where there is close_range(2), or -errno. Before that no process is started:
// it could not be waited for by its pidfd (5.4), or would have none (5.2).
int may_start_processes();

}  // namespace sys
