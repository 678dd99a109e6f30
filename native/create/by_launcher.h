// Makes namespaces of every type without a thread of ours being in them: the launcher unshares,
// sets them up and stands still, they are opened through its pidfd, and it ends. Where a new pid
// namespace is to have a first process, the launcher stays and is that. Blocks: to be called on a
// thread of its own.
#pragma once
#include "child/spawn.h"

namespace hold {

constexpr int kMost = 8;

struct Request {
  spawn::Request spawn;  // only `create`, `fixed.unshare` and `root` matter
  int types[kMost];      // CLONE_NEW*, in the order of the fds
  const char* names[kMost];
  int wanted;
  bool init;
  // results
  int fds[kMost];
  int count;
  int init_pipe;  // -1: none; the first process ends when this is closed
  spawn::Result failure;
};

// 0, or -errno with `failure` set and nothing left behind.
int run(Request* request);

}  // namespace hold
