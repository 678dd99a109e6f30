// Reads the environment of a process. That is its own memory: it decides how much is there, and can
// make its reader wait, forever and in the kernel, where no signal but SIGKILL reaches. So a
// process of ours reads it, which can be killed. Knows nothing of JavaScript.
#pragma once
#include <stddef.h>

namespace environ_file {

struct Text {
  Text() = default;
  Text(const Text&) = delete;
  Text& operator=(const Text&) = delete;
  ~Text();
  char* bytes = nullptr;
  size_t length = 0;
};

// /proc/PID/environ, through an fd of /proc/PID: at most `most` bytes. 0, or -errno: -ETIMEDOUT
// where it took more than `wait` milliseconds.
int read(int directory, size_t most, int wait, Text* text);

}  // namespace environ_file
