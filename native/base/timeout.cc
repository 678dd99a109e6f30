#include "base/timeout.h"

#include <time.h>

#include <algorithm>

#include "base/namespaces.h"

namespace timeout {
namespace {

constexpr int kPieces = 20;
constexpr int64_t kSecond = 1'000'000'000;
constexpr int64_t kMillisecond = 1'000'000;
// A starved piece counts as this part of it: there is an end, whatever happens.
constexpr int kStarvedPart = 256;

// MAKE_THREAD_CPUCLOCK and MAKE_PROCESS_CPUCLOCK of include/linux/posix-timers_types.h: the C
// library's own way to the first is of glibc 2.34.
constexpr unsigned kThread = 6;
constexpr unsigned kProcess = 2;

int64_t read_clock(clockid_t clock) {
  struct timespec time = {};
  return ::clock_gettime(clock, &time) == 0 ? time.tv_sec * kSecond + time.tv_nsec : -1;
}

// The first is of threads of ours alone.
int64_t processor_time(int id) {
  for (const unsigned kind : {kThread, kProcess}) {
    const int64_t used = read_clock(static_cast<clockid_t>(~static_cast<unsigned>(id) << 3 | kind));
    if (used >= 0) return used;
  }
  return -1;
}

int64_t now() { return read_clock(CLOCK_MONOTONIC); }

}  // namespace

Watch::Seen Watch::look(int id) {
  if (id == 0) return kStarved;
  const int64_t used = processor_time(id);
  if (used < 0 || used != used_) {
    used_ = used;
    return kRan;
  }
  return sys::get_state(id) == 'R' ? kStarved : kWaited;
}

Timeout::Timeout(int milliseconds)
    : piece_(std::max(1, milliseconds / kPieces)),
      left_(milliseconds * kMillisecond),
      last_(now()) {}

bool Timeout::is_over(int id) {
  const int64_t time = now();
  const int64_t part = std::min(time - last_, 2 * piece_ * kMillisecond);
  last_ = time;
  left_ -= watch_.look(id) == Watch::kStarved ? part / kStarvedPart : part;
  return left_ <= 0;
}

}  // namespace timeout
