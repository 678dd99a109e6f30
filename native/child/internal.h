// The parts of a spawn between its files: request.cc makes Prepared, spawn.cc clones, follow.cc
// reads what the launcher says.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "child/spawn.h"

namespace spawn {

inline bool is_in_place(const Request& request) {
  return (request.fixed.flags & LAUNCH_IN_PLACE) != 0;
}

// Something that we are to hear of.
inline bool forks(const Request& request) {
  const bool any = (request.fixed.flags & (LAUNCH_FORK_JOINED | LAUNCH_FORK_CREATED)) != 0;
  return any && !is_in_place(request);
}

using sys::result_of;

// All that the child needs, before there is a child.
struct Prepared {
  std::string message;
  std::vector<int> inherited;
  std::vector<int> theirs;  // to be closed when the child has them
  int channel[2] = {-1, -1};
  char number[24];  // the launcher's end of the channel, in decimal
};

int launcher_fd();  // its sealed program: stays open; or -errno
void close_all(std::vector<int>* fds);
// 0 or more, or -errno.
int prepare(Request* request, Prepared* prepared, Result* result);
// The same, on the thread that clones: the rest, and the request into the channel.
int hand_over(Request* request, Prepared* prepared, Result* result);

// Until the launch is over, or holds what it was to hold; at most for `milliseconds`. 1, 0 where it
// goes on, or -errno with the child gone.
int follow(const Request& request, int milliseconds, Result* result);

}  // namespace spawn
