// A child that the calling thread waits for, with what it writes and reads: spawnSync of Node. Ends
// at a timeout also where the child cannot be waited for.
#pragma once
#include <string>
#include <vector>

#include "child/spawn.h"

namespace spawn {

struct Blocking {
  const char* input = nullptr;  // for the first of stdio, where that is a pipe
  size_t input_length = 0;
  double timeout = 0;     // milliseconds, of all; 0: none
  double max_buffer = 0;  // bytes, of all outputs together; 0: any number
  int kill_signal = 0;    // at the timeout, or where there is more
};

struct Outcome {
  int error = 0;  // -errno: ETIMEDOUT, ENOBUFS, or of a pipe; the child may have ended well
  bool ended = false;
  int code = 0;
  int signal = 0;
  int pid = 0;
  std::vector<std::string> outputs;  // of each of stdio that is a pipe and written to
};

// 0, or -errno with what failed in `result` and nothing run, as start(). Request::wait is replaced.
int run_blocking(Request* request, const Blocking& options, Result* result, Outcome* outcome);

}  // namespace spawn
