// A second thread for the files of a tree: while one file is copied, the next is looked for. What
// is given to it is copied later; where enough waits, at once, by the thread that gives. It starts
// after some files, and ends with the copy. Knows nothing of JavaScript.
#pragma once
#include <uv.h>

#include <string>

#include "root/copy_content.h"
#include "root/copy_name.h"

namespace root {

class Copy;

// A file to be copied: its source as an O_PATH fd, and its name in a directory that stays open.
struct Piece {
  Fd from;
  int parent = -1;
  std::string name;
  struct statx source = {};
};

// What each of the threads has of its own.
struct PerThread {
  PerThread(const Root& root, int flags, const Work& work) : naming(root, flags, &refused) {
    refused.systems = work.systems;
  }
  Work refused;  // why, where something was
  Naming naming;
  Buffer buffer;
};

class CopyThreads {
 public:
  CopyThreads(Copy* copy, const Root& root, int flags, Work* work);
  CopyThreads(const CopyThreads&) = delete;
  ~CopyThreads();

  // 0, or the first -errno that there was; nothing more is begun then.
  int Give(Piece piece);
  // The same when all that was given has been done: before the directory of a piece is left.
  int Finish();
  // The name of what failed first.
  const std::string& Failed() const { return failed_; }
  // That of the thread that gives.
  PerThread& Own() { return own_; }

 private:
  static constexpr int kAlone = 32;  // files before a second thread is worth its start
  static constexpr int kWaiting = 16;

  static void Run(void* data);
  bool Take(Piece* piece);
  int Do(Piece* piece, PerThread* own);

  Copy* copy_;
  const Root& root_;
  int flags_;
  Work* work_;
  PerThread own_;
  uv_thread_t thread_;
  int given_ = 0;
  bool running_ = false;

  uv_mutex_t mutex_;  // of all below
  uv_cond_t more_;
  uv_cond_t done_;
  Piece pieces_[kWaiting];
  int first_ = 0;
  int waiting_ = 0;
  bool busy_ = false;
  bool over_ = false;
  int error_ = 0;
  std::string failed_;
};

}  // namespace root
