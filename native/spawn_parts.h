// The parts of a spawn between its files: prepare.cc makes Prepared, spawn.cc clones, follow.cc
// reads what the launcher says.
#pragma once
#include <errno.h>

#include <string>
#include <vector>

#include "spawn.h"

namespace spawn {

inline int result_of(long value) { return value == -1 ? -errno : static_cast<int>(value); }

// All that the child needs, before there is a child.
struct Prepared {
  std::string message;
  std::vector<int> inherited;
  std::vector<int> theirs;  // to be closed when the child has them
  int channel[2] = {-1, -1};
  char number[16];  // the launcher's end of the channel, in decimal
};

void close_all(std::vector<int>* fds);
// 0 or more, or -errno.
int prepare(Request* request, int forks, Prepared* prepared, Result* result);
// The same, on the thread that clones: the rest, and the request into the channel.
int hand_over(Request* request, Prepared* prepared, Result* result);

// Follows the process from fork to fork of the launcher, then waits a little for the exec. 0, or
// -errno with the child gone. Takes the channel.
int follow(int channel, int forks, bool executes, int patience, Result* result);

}  // namespace spawn
