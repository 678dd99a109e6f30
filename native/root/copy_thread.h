// A second pair of hands for the files of a tree: while one file is copied, the next is looked for.
// Who gives a file away goes on at once; where enough of them wait, he copies it himself. Its
// thread starts after some files, and ends with it. Knows nothing of JavaScript.
#pragma once
#include <uv.h>

#include <string>

#include "root/copy_content.h"
#include "root/copy_name.h"

namespace root {

// A file to be copied: its source as an O_PATH fd, and its name in a directory that stays open.
struct Piece {
  Fd from;
  int parent = -1;
  std::string name;
  struct statx source = {};
};

// What each of the threads has of its own.
struct Hand {
  Hand(const Root& root, int flags, const Work& work) : place(root, flags, &refused) {
    refused.systems = work.systems;
  }
  Work refused;  // why, where something was
  Place place;
  Buffer buffer;
};

class Hands {
 public:
  // Copies one piece: 0, or -errno. On either thread.
  using Perform = int (*)(void* data, const Piece& piece, Hand* hand);

  Hands(Perform perform, void* data, const Root& root, int flags, Work* work);
  Hands(const Hands&) = delete;
  ~Hands();

  // 0, or the first -errno that there was; nothing more is begun then.
  int Give(Piece piece);
  // The same when all that was given has been done: before the directory of a piece is left.
  int Finish();
  // The name of what failed first.
  const std::string& Failed() const { return failed_; }
  // That of the thread that gives.
  Hand& Own() { return own_; }

 private:
  static constexpr int kAlone = 32;  // files before a second thread is worth its start
  static constexpr int kWaiting = 16;

  static void Run(void* data);
  bool Take(Piece* piece);
  int Do(Piece* piece, Hand* hand);

  Perform perform_;
  void* data_;
  const Root& root_;
  int flags_;
  Work* work_;
  Hand own_;
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
