// Reads and opens what a process has in /proc, where it can make its reader wait: forever, and in
// the kernel, where no signal but SIGKILL reaches. `environ` is its own memory, which also decides
// how much is there. What the kernel says only to who may look into a process (most of its links,
// `stat`, `syscall`) wants a lock that it holds while it executes a program, for which it can have
// to wait for its own memory. So a process of ours does it, which can be killed. Knows nothing of
// JavaScript.
#pragma once
#include <stddef.h>

#include <string>
#include <vector>

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
// took more than `wait` milliseconds, -ENOSYS before Linux 5.9.
int read(int directory, const char* name, size_t most, int wait, Text* text);

constexpr size_t kFilesMost = 16;

// In this order, until one cannot be opened: for each an fd, then -errno of that one. At most
// kFilesMost. 0, or -errno where nothing is open. Before Linux 5.9 the calling thread opens them.
int open(int directory, std::vector<std::string> names, int flags, int wait,
         std::vector<int>* files);

// The same, of ioctls of a descriptor (a pidfd), each of which gives one.
int ask(int descriptor, const std::vector<unsigned long>& requests, int wait,
        std::vector<int>* files);

}  // namespace killable_read
