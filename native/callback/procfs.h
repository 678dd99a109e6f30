// Tells whether what a path or an fd leads to answers by the thread that asks: files of procfs
// (/proc/sys/net, /proc/self/..., /proc/sysvipc), namespaces, and the devices that belong to the
// network of the thread that opens them. Knows nothing of JavaScript.
#pragma once
#include <limits.h>

namespace procfs {

// What comes of looking: 0, all ask the same; 1, the thread decides; -EAGAIN, it cannot be told
// without asking a file system that may not answer.
struct Answer {
  int by_thread;
  char path[PATH_MAX];  // of a file of procfs; empty for all others
};

// Without `wait` neither ever blocks, whatever is mounted there. `follow`: a link at the end counts
// as what it leads to.
int look_at_path(const char* path, bool follow, bool wait, Answer* answer);
int look_at_fd(int fd, bool wait, Answer* answer);

}  // namespace procfs
