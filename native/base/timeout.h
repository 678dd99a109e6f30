// How long a thread or process of ours may wait for somebody else. Time in which it had no
// processor is not the other's: it hardly counts. Knows nothing of JavaScript.
#pragma once
#include <stdint.h>

namespace timeout {

// What a thread of ours, or a process of one thread, has done since the last look at it.
class Watch {
 public:
  enum Seen { kRan, kWaited, kStarved };  // the last: it wants to run, and did not
  Seen look(int id);                      // 0: it has not begun

 private:
  int64_t used_ = -1;  // its processor time, in nanoseconds
};

// Looked at in pieces: what stopped all of us (SIGSTOP, a freezer) is no more than one of these.
class Timeout {
 public:
  explicit Timeout(int milliseconds);
  int piece() const { return piece_; }  // milliseconds, at least 1; to be waited between two looks
  bool is_over(int id);                 // of who waits

 private:
  const int piece_;
  int64_t left_;  // nanoseconds
  int64_t last_;
  Watch watch_;
};

}  // namespace timeout
