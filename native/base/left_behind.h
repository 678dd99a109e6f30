// Threads that are left behind: they wait in a system call that may never come back, because of a
// process or a file system of somebody else's. Nobody can take them out of it. They are few, and
// each is known by the process that it waits for, so that no other thread goes there. Knows nothing
// of JavaScript.
//
// That a read waits is the other's choice. /proc/PID/cmdline takes the lock of the process' memory
// (access_remote_vm(), mm/memory.c), which it can hold for as long as a file system of its own
// (FUSE) does not answer: one thread reads the page through /proc/self/mem, which keeps the lock
// for reading, and another one's mmap(2) is next in line. A page that userfaultfd(2) holds back is
// no such thing: these reads do not allow a retry, so handle_userfault() (fs/userfaultfd.c) refuses
// them, and the answer is cut there. Memory of a file is not read at all (FOLL_ANON, Linux 4.17).
#pragma once
#include <uv.h>

#include <atomic>

namespace behind {

// Takes a slot for a thread; `pid`: 0 for no process. The slot, or -1 where there is none left.
int leave(int pid, uv_thread_t thread);
void came(int slot);  // gives it back: that thread came through after all, and ends
// Have so many been left that no more should be? Some slots are left then, for what went wrong.
bool is_full();
bool has_none();           // no slot at all
int waiting_for(int pid);  // how many threads

// Work on a thread of its own that is waited for. `files_apart`: with file descriptors of its own.
class Work {
 public:
  explicit Work(bool files_apart) : files_apart_(files_apart) {}
  virtual ~Work() = default;
  virtual void run() = 0;
  virtual void discard() {}  // nobody takes the result

 private:
  friend int run(Work* work, int milliseconds);
  static void main(void* data);
  const bool files_apart_;
  uv_mutex_t mutex_;
  uv_cond_t cond_;
  bool done_ = false;
  bool left_ = false;
  int slot_ = -1;
  std::atomic<int> tid_{0};
};

// 0: it is done. Otherwise the work is not the caller's any more: -ETIMEDOUT, or -EAGAIN where
// there are no threads to be had.
int run(Work* work, int milliseconds);

// close(2) of a file that somebody else can make wait for ever, on a thread of its own. Our end of
// a terminal is one: its hangup waits for whoever is writing to the other end, and a page that is
// not to be had holds up that (tty_ldisc_hangup(), drivers/tty/tty_ldisc.c). Where there are no
// threads to be had some moments later either, or no more are to be left behind, it stays open.
void close(int fd);

}  // namespace behind
