// The bounds of one look at the machine; the figures are in src/base/limits.ts. Several threads use
// up the same ones. Knows nothing of JavaScript.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>

#include "inspect/netlink.h"

namespace limits {

struct Limits {
  int64_t text;        // bytes of one
  int64_t texts;       // of all
  int64_t text_least;  // of one when those are used up
  int64_t mounts;      // bytes of tables of mounts
  int64_t files;
  int64_t found;
  int timeout;  // milliseconds
  netlink::Limits network;
};

// What is left of it.
class Left {
 public:
  explicit Left(const Limits& limits)
      : all(limits),
        texts_(limits.texts),
        mounts_(limits.mounts),
        files_(limits.files),
        found_(limits.found) {}

  const Limits all;

  // How long a text may be.
  size_t text() const {
    return static_cast<size_t>(texts_ > all.text_least ? all.text : all.text_least);
  }
  void use_text(size_t bytes) { texts_ -= static_cast<int64_t>(bytes); }
  bool use_mounts(size_t bytes) { return (mounts_ -= static_cast<int64_t>(bytes)) >= 0; }
  bool use_file() { return files_-- > 0; }
  bool use_found() { return found_-- > 0; }
  int64_t mounts() const { return mounts_ > 0 ? mounts_.load() : 0; }

 private:
  std::atomic<int64_t> texts_;
  std::atomic<int64_t> mounts_;
  std::atomic<int64_t> files_;
  std::atomic<int64_t> found_;
};

}  // namespace limits
