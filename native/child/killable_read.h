// Reads a file of a process in /proc that the process can make its reader wait for, forever and in
// the kernel, where no signal but SIGKILL reaches: `environ` is its own memory, which also decides
// how much is there, and `syscall` wants a lock that it holds while it executes a program, for
// which it can have to wait for its own memory. So a process of ours reads it, which can be killed.
// Knows nothing of JavaScript.
#pragma once
#include <stddef.h>

namespace killable_read {

struct Text {
  Text() = default;
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text();
  char* bytes = nullptr;
  size_t length = 0;
};

// By its name, through an fd of /proc/PID: at most `most` bytes. 0, or -errno: -ETIMEDOUT where it
// took more than `wait` milliseconds.
int read(int directory, const char* name, size_t most, int wait, Text* text);

}  // namespace killable_read
