// Reads the environment of a process. That is its own memory: it decides how much is there, and can
// make whoever reads it wait, for ever and in the kernel, where no signal but SIGKILL reaches. So a
// process of ours reads it, which can be killed. Knows nothing of JavaScript.
#pragma once
#include <stddef.h>

namespace environ_file {

// /proc/PID/environ through an fd of /proc/PID. How many bytes, at most `size`, or -errno:
// -ETIMEDOUT where it took more than `wait` milliseconds.
long read(int directory, char* bytes, size_t size, int wait);

}  // namespace environ_file
