#include "inspect/scan_threads.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include <algorithm>
#include <string>

#include "base/left_behind.h"
#include "base/namespaces.h"
#include "base/timeout.h"
#include "inspect/proc.h"

namespace crew {
namespace {

constexpr size_t kChunk = 16;       // processes that a thread takes at once
constexpr size_t kWorth = 256;      // for so many, one thread more is worth its start
constexpr int kGlance = 50;         // milliseconds between two looks at the threads
constexpr size_t kStateMost = 256;  // bytes, in which the state of a process is

// A thread. All but `at` is under the mutex of the work, or only for the one that waits for it.
struct Seat {
  explicit Seat(Work* whose) : work(whose) {}

  Work* const work;
  std::atomic<int64_t> at{-1};  // the index that it looks at
  std::atomic<int> tid{0};
  uv_thread_t thread;
  bool ended = false;
  bool left = false;
  int slot = -1;               // once it is left
  std::vector<size_t> chunks;  // that it took
  timeout::Watch watch;        // at each glance
  int64_t was_at = -1;         // at that
  int still = 0;               // glances at which it had not gone on
};

bool take_chunk(Seat* seat, size_t* begin) {
  Work* work = seat->work;
  if (seat->left || work->failed < 0) return false;
  if (!work->again.empty()) {
    *begin = work->again.back();
    work->again.pop_back();
  } else {
    if (work->next >= work->pids.size()) return false;
    *begin = work->next;
    work->next += kChunk;
  }
  seat->chunks.push_back(*begin);
  return true;
}

// Where no more threads should be left behind. Whoever has the lock of an exec, which its readers
// want, waits in it for the lock of its memory, in state D (begin_new_exec(), fs/exec.c); its
// status needs neither of them.
Care wary_of(int pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  std::string status;
  if (proc::read_file(AT_FDCWD, path, kStateMost, &status) < 0) return kCareful;
  return status.find("\nState:\tD") == std::string::npos ? kCareful : kNot;
}

int look_at_chunk(Seat* seat, Part* part, size_t begin) {
  const Work& work = *seat->work;
  const size_t end = std::min(begin + kChunk, work.pids.size());
  for (size_t i = begin; i < end; i++) {
    seat->at = static_cast<int64_t>(i);
    const Care care = work.wary ? std::max(work.care[i], wary_of(work.pids[i])) : work.care[i];
    const int failed = part->look(i, care);
    if (failed < 0) return failed;
  }
  return 0;
}

void work_on(void* data) {
  auto* seat = static_cast<Seat*>(data);
  Work* work = seat->work;
  seat->tid = sys::gettid();
  sys::part_files();
  Part* part = work->part();
  const int not_begun = part->begin();
  int failed = 0;
  uv_mutex_lock(&work->mutex);
  for (size_t chunk = 0; not_begun == 0 && failed == 0 && take_chunk(seat, &chunk);) {
    uv_mutex_unlock(&work->mutex);
    failed = look_at_chunk(seat, part, chunk);
    uv_mutex_lock(&work->mutex);
  }
  const bool left = seat->left;
  if (!left) {
    if (not_begun == 0) work->take(part);
    if (failed < 0 || not_begun < 0) work->step = part->step;
    if (failed < 0) work->failed = failed;
    if (not_begun < 0) work->not_begun = not_begun;
    seat->ended = true;
    uv_cond_signal(&work->changed);
  }
  uv_mutex_unlock(&work->mutex);
  delete part;
  if (!left) return;
  const int slot = seat->slot;
  delete seat;
  release(work);
  behind::came(slot);
}

// Has it stood still? By its processor time, so that one which has a lot to do may take as long as
// it likes, or has no processor at all; by the number of glances, so that a process which was
// stopped as a whole starts anew.
bool stands_still(Seat* seat, int wait) {
  const timeout::Watch::Seen seen = seat->watch.look(seat->tid);
  if (seen == timeout::Watch::kStarved) return false;
  const bool same = seen == timeout::Watch::kWaited && seat->at == seat->was_at;
  seat->was_at = seat->at;
  seat->still = same ? seat->still + 1 : 0;
  return seat->still * kGlance >= wait;
}

// Who kept a second thread waiting, too, is not looked at: a process that is held up in an exec
// answers nothing at all on newer kernels.
Care care_for(int pid) {
  const int waiting = behind::waiting_for(pid);
  return waiting > 1 ? kNot : waiting == 1 ? kCareful : kWhole;
}

int start(Work* work, std::vector<Seat*>* seats) {
  auto* seat = new Seat(work);
  uv_thread_options_t options = {UV_THREAD_HAS_STACK_SIZE, 1 << 20};
  work->owners++;
  const int failed = uv_thread_create_ex(&seat->thread, &options, work_on, seat);
  if (failed == 0) {
    seats->push_back(seat);
    return 0;
  }
  work->owners--;
  delete seat;
  return failed;
}

void leave(Seat* seat) {
  Work* work = seat->work;
  const int64_t at = seat->at;
  seat->left = true;
  seat->slot = behind::leave(at < 0 ? 0 : work->pids[at], seat->thread);
  work->wary = behind::is_full();
  if (seat->slot < 0) {
    work->failed = -EAGAIN;
    work->step = "read";
  }
  if (at >= 0) work->care[at] = work->care[at] == kWhole ? kCareful : kNot;
  work->again.insert(work->again.end(), seat->chunks.begin(), seat->chunks.end());
}

}  // namespace

int run(Work* work, unsigned threads, int timeout, const char** step) {
  const size_t count = work->pids.size();
  *step = "read";
  if (behind::has_none()) return -EAGAIN;
  work->wary = behind::is_full();
  for (const int pid : work->pids) work->care.push_back(care_for(pid));
  const size_t wanted = std::min<size_t>(count / kWorth + 1, threads);
  std::vector<Seat*> seats;
  uv_mutex_lock(&work->mutex);
  int failed = 0;
  for (size_t i = 0; i < wanted && failed == 0; i++) failed = start(work, &seats);
  if (seats.empty()) work->step = "clone";
  work->not_begun = failed;
  while (!seats.empty()) {
    const int waited = uv_cond_timedwait(&work->changed, &work->mutex, kGlance * 1000000ULL);
    for (size_t i = seats.size(); i-- > 0;) {
      Seat* seat = seats[i];
      if (seat->ended) {
        uv_mutex_unlock(&work->mutex);
        uv_thread_join(&seat->thread);
        uv_mutex_lock(&work->mutex);
        seats.erase(seats.begin() + i);
        delete seat;
        release(work);
      } else if (waited == UV_ETIMEDOUT && stands_still(seat, timeout)) {
        seats.erase(seats.begin() + i);
        leave(seat);
        work->not_begun = start(work, &seats);
        if (work->not_begun < 0) work->step = "clone";
      }
    }
  }
  const bool whole = work->next >= count && work->again.empty();
  failed = work->failed < 0 ? work->failed : whole ? 0 : work->not_begun;
  *step = work->step;
  uv_mutex_unlock(&work->mutex);
  return failed;
}

void release(Work* work) {
  if (--work->owners > 0) return;
  delete work;
}

}  // namespace crew
