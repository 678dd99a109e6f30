// Where the process lives: the namespaces of its main thread when that runs no callback. While a
// callback is alive, /proc/PID/ns says where the main thread happens to be. Of the namespaces that
// a thread can be in by itself (cgroup, ipc, net, uts); any thread may ask.
#pragma once
#include <cstdint>

namespace outside {

constexpr int kTypes = 4;

struct Outside {
  bool away = false;       // may the main thread be elsewhere?
  uint64_t changes = 0;    // how often that has changed
  int flags[kTypes] = {};  // CLONE_NEW*; 0 where there is none
  uint64_t inodes[kTypes] = {};
  int fds[kTypes] = {};  // open in this process while it is away
};

// By the thread that is about to run callbacks: fds of where it is. Nothing, unless it is the main
// thread. Returns -errno where an fd is none of a namespace.
int leave(const int* flags, const int* fds, int count);
// It runs none any more.
void come_back();

Outside look();
// Of a main thread that was looked at between `before` and `after`: 0 where what was seen of this
// type is true, otherwise the inode outside.
uint64_t instead(const Outside& before, const Outside& after, int flag);

}  // namespace outside
