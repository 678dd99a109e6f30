// Which files of a tree have further names in it, and where the copies of them are.
#pragma once
#include <limits.h>

#include <cstdint>
#include <string>
#include <vector>

namespace root {

struct Key {
  uint64_t device;
  uint64_t inode;
  bool operator==(const Key&) const = default;
};

// A file with further names: where its copy is, and which file that is.
struct Copied {
  Key source;
  Key copy;
  std::string path;  // empty: this place is free
};

// Finds them by their source, among as many as there are: a table with open addressing.
class Links {
 public:
  const Copied* Find(const Key& source) const {
    if (table_.empty()) return nullptr;
    const Copied& slot = table_[Slot(table_, source)];
    return slot.path.empty() ? nullptr : &slot;
  }

  void Add(Copied copied) {
    // A longer path cannot be opened again.
    if (copied.path.size() >= PATH_MAX || length_ + copied.path.size() > kLengthMost) return;
    if (count_ >= kLinksMost) return;
    length_ += copied.path.size();
    if (count_ * 2 >= table_.size()) Grow();
    Copied& slot = table_[Slot(table_, copied.source)];
    if (slot.path.empty()) count_++;
    slot = std::move(copied);
  }

 private:
  static constexpr size_t kLinksMost = 1000000;    // files with several names that are remembered
  static constexpr size_t kLengthMost = 64 << 20;  // bytes of their paths, all together

  static size_t Slot(const std::vector<Copied>& table, const Key& source) {
    const size_t mask = table.size() - 1;
    size_t at = (source.inode * 0x9e3779b97f4a7c15 + source.device) >> 20 & mask;
    while (!table[at].path.empty() && table[at].source != source) at = (at + 1) & mask;
    return at;
  }

  void Grow() {
    std::vector<Copied> larger(table_.empty() ? 64 : table_.size() * 2);
    for (Copied& copied : table_) {
      if (!copied.path.empty()) larger[Slot(larger, copied.source)] = std::move(copied);
    }
    table_.swap(larger);
  }

  std::vector<Copied> table_;
  size_t count_ = 0;
  size_t length_ = 0;
};

}  // namespace root
