// Namespaces of a process opened by a thread that goes there and comes back. setns(2) by a pidfd
// waits for nobody; the files of the process in /proc, and on some kernels the ioctls of its pidfd,
// wait for one that is held up in an exec (child/killable_read.h). Knows nothing of JavaScript.
#pragma once

namespace open_inside {

struct Way {
  int type;  // one CLONE_NEW* of those that a thread can be in by itself
  int back;  // fd of where the thread is
};

// Of each type an fd in `fds`. 0, or -errno, and then nothing is open: -EINVAL before Linux 5.8.
// The thread is where it was, or the process ends.
int open(int pidfd, const Way* ways, int count, int* fds);

}  // namespace open_inside
