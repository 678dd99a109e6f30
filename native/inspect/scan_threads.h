// Looks at many processes on a few threads, of which none can be held up for ever by what it looks
// at: one that has used no processor for a while is left behind, the process that it waits for is
// looked at once more with care (without what can wait), and what else that thread has seen is
// looked at by another. Knows nothing of JavaScript.
#pragma once
#include <uv.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace crew {

// Of a process that has kept a thread waiting once, and twice.
enum Care : uint8_t { kWhole = 0, kCareful = 1, kNot = 2 };

// What one thread does, and what it has found. Each opens its own /proc: its file descriptors are
// not those of the others.
class Part {
 public:
  virtual ~Part() = default;
  virtual int begin() = 0;                        // -errno: nothing can be looked at
  virtual int look(size_t index, Care care) = 0;  // -errno: the whole list fails
  const char* step = "open";                      // the system call that failed
};

class Work {
 public:
  explicit Work(std::vector<int> looked_at) : pids(std::move(looked_at)) {
    uv_mutex_init(&mutex);
    uv_cond_init(&changed);
  }
  virtual ~Work() {
    uv_cond_destroy(&changed);
    uv_mutex_destroy(&mutex);
  }
  virtual Part* part() = 0;           // on any thread
  virtual void take(Part* part) = 0;  // one at a time, and not after run()

  const std::vector<int> pids;

  // The rest is scan_threads.cc's.
  uv_mutex_t mutex;
  uv_cond_t changed;
  std::atomic<int> owners{1};  // threads that were left behind need it longer than others
  size_t next = 0;
  std::vector<size_t> again;      // chunks
  std::vector<Care> care;         // by index
  std::atomic<bool> wary{false};  // no more threads should be left behind
  int failed = 0;
  int not_begun =
      0;  // what kept a thread from beginning: the others do its share, if there are any
  const char* step = "";
};

// 0, or -errno with the system call in `step`. Threads: at most.
int run(Work* work, unsigned threads, int timeout, const char** step);
void release(Work* work);  // instead of delete

}  // namespace crew
