#include "behind.h"

#include <errno.h>
#include <pthread.h>

#include <atomic>

#include "proc.h"

namespace behind {
namespace {

constexpr int kMost = 16;
constexpr int kNone = -1;

struct Places {
  std::atomic<int> pids[kMost];
  Places() {
    for (std::atomic<int>& pid : pids) pid = kNone;
  }
};
Places places;

}  // namespace

bool leave(int pid) {
  for (std::atomic<int>& place : places.pids) {
    int free = kNone;
    if (place.compare_exchange_strong(free, pid)) return true;
  }
  return false;
}

void came(int pid) {
  for (std::atomic<int>& place : places.pids) {
    int taken = pid;
    if (place.compare_exchange_strong(taken, kNone)) return;
  }
}

bool is_full() {
  for (const std::atomic<int>& place : places.pids) {
    if (place == kNone) return false;
  }
  return true;
}

bool waits_for(int pid) {
  for (const std::atomic<int>& place : places.pids) {
    if (place == pid) return true;
  }
  return false;
}

void Work::main(void* data) {
  auto* work = static_cast<Work*>(data);
  if (work->files_apart_) proc::part_files();
  work->run();
  uv_mutex_lock(&work->mutex_);
  const bool left = work->left_;
  work->done_ = true;
  uv_cond_signal(&work->cond_);
  uv_mutex_unlock(&work->mutex_);
  if (!left) return;
  came(0);
  uv_cond_destroy(&work->cond_);
  uv_mutex_destroy(&work->mutex_);
  work->discard();
  delete work;
}

int run(Work* work, int milliseconds) {
  if (is_full()) {
    delete work;
    return -EAGAIN;
  }
  uv_mutex_init(&work->mutex_);
  uv_cond_init(&work->cond_);
  uv_thread_t thread;
  uv_thread_options_t options = {UV_THREAD_HAS_STACK_SIZE, 1 << 20};
  int failed = uv_thread_create_ex(&thread, &options, Work::main, work);
  bool left = false;
  if (failed == 0) {
    uv_mutex_lock(&work->mutex_);
    uint64_t now = uv_hrtime();
    const uint64_t end = now + milliseconds * uint64_t{1000000};
    while (!work->done_ && now < end) {
      uv_cond_timedwait(&work->cond_, &work->mutex_, end - now);
      now = uv_hrtime();
    }
    left = !work->done_;
    work->left_ = left;
    if (left) leave(0);
    uv_mutex_unlock(&work->mutex_);
  }
  if (left) {
    ::pthread_detach(thread);
    return -ETIMEDOUT;
  }
  if (failed == 0) uv_thread_join(&thread);
  uv_cond_destroy(&work->cond_);
  uv_mutex_destroy(&work->mutex_);
  if (failed != 0) delete work;
  return failed;
}

}  // namespace behind
