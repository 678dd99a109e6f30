#include "base/left_behind.h"

#include <errno.h>
#include <unistd.h>

#include "base/fd.h"
#include "base/namespaces.h"
#include "base/timeout.h"

namespace behind {
namespace {

constexpr int kMost = 16;
constexpr int kSlots = 2 * kMost;

// States of a slot besides the pid that its thread waits for.
constexpr int kFree = -1;
constexpr int kCame = -2;  // its thread ends, and has to be joined
constexpr int kBusy = -3;

struct Slot {
  std::atomic<int> pid{kFree};
  uv_thread_t thread;
};
Slot slots[kSlots];

constexpr int kMoment = 20;  // milliseconds
constexpr int kAttempts = 20;
constexpr unsigned kPause = 1000;  // microseconds

bool change(Slot* slot, int from, int to) { return slot->pid.compare_exchange_strong(from, to); }

void join_those_that_came() {
  for (Slot& slot : slots) {
    if (!change(&slot, kCame, kBusy)) continue;
    uv_thread_join(&slot.thread);
    slot.pid = kFree;
  }
}

int free_slots() {
  join_those_that_came();
  int count = 0;
  for (const Slot& slot : slots) {
    if (slot.pid == kFree) count++;
  }
  return count;
}

}  // namespace

int leave(int pid, uv_thread_t thread) {
  join_those_that_came();
  for (int i = 0; i < kSlots; i++) {
    if (!change(&slots[i], kFree, kBusy)) continue;
    slots[i].thread = thread;
    slots[i].pid = pid;
    return i;
  }
  return -1;
}

void came(int slot) {
  if (slot >= 0) slots[slot].pid = kCame;
}

bool is_full() { return free_slots() <= kSlots - kMost; }

bool has_none() { return free_slots() == 0; }

int waiting_for(int pid) {
  int count = 0;
  for (const Slot& slot : slots) {
    if (slot.pid == pid) count++;
  }
  return count;
}

void Work::main(void* data) {
  auto* work = static_cast<Work*>(data);
  work->tid_ = sys::gettid();
  if (work->files_apart_) sys::part_files();
  work->run();
  uv_mutex_lock(&work->mutex_);
  const bool left = work->left_;
  work->done_ = true;
  uv_cond_signal(&work->cond_);
  uv_mutex_unlock(&work->mutex_);
  if (!left) return;
  const int slot = work->slot_;
  uv_cond_destroy(&work->cond_);
  uv_mutex_destroy(&work->mutex_);
  work->discard();
  delete work;
  came(slot);
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
    timeout::Timeout timeout(milliseconds);
    for (bool over = false; !work->done_ && !over; over = timeout.is_over(work->tid_)) {
      uv_cond_timedwait(&work->cond_, &work->mutex_, timeout.piece() * uint64_t{1000000});
    }
    left = !work->done_;
    work->left_ = left;
    if (left) work->slot_ = leave(0, thread);
    uv_mutex_unlock(&work->mutex_);
  }
  if (left) return -ETIMEDOUT;
  if (failed == 0) uv_thread_join(&thread);
  uv_cond_destroy(&work->cond_);
  uv_mutex_destroy(&work->mutex_);
  if (failed != 0) delete work;
  return failed;
}

namespace {

struct Closing : public Work {
  explicit Closing(int fd) : Work(false), fd_(fd) {}
  void run() override { sys::close(fd_); }

 private:
  const int fd_;
};

}  // namespace

void close(int fd) {
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    auto* closing = new Closing(fd);
    const int done = run(closing, kMoment);
    if (done == 0) delete closing;
    if (done != -EAGAIN && done != -ENOMEM) return;
    ::usleep(kPause);
  }
}

}  // namespace behind
