// A second pair of hands for the files of a tree: while one file is copied, the next is looked for.
// Who gives a file away goes on at once; where enough of them wait, he copies it himself. Its
// thread starts after some files, and ends with it. Knows nothing of JavaScript.
#pragma once
#include <uv.h>

#include <string>

#include "content.h"

namespace root {

// A file to be copied: its source as an O_PATH fd, and its name in a directory that stays open.
struct Piece {
  Fd from;
  int parent = -1;
  std::string name;
  struct statx source = {};
};

class Hands {
 public:
  // Copies one piece: 0, or -errno. On either thread, of which each has a buffer of its own.
  using Perform = int (*)(void* data, const Piece& piece, Buffer* buffer);

  Hands(Perform perform, void* data);
  Hands(const Hands&) = delete;
  ~Hands();

  // 0, or the first -errno that there was; nothing more is begun then.
  int Give(Piece piece);
  // The same when all that was given has been done: before the directory of a piece is left.
  int Finish();
  // The name of what failed first.
  const std::string& Failed() const { return failed_; }

 private:
  static constexpr int kAlone = 32;  // files before a second thread is worth its start
  static constexpr int kWaiting = 16;

  static void Run(void* data);
  bool Take(Piece* piece);
  int Do(Piece* piece, Buffer* buffer);

  Perform perform_;
  void* data_;
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

  Buffer buffer_;
};

}  // namespace root
