// A way down into a tree and back up, by open directories and never by a path: what somebody puts
// in the place of a directory that we are in does not matter. However deep the tree, only the last
// few directories are kept open; one further up is opened again as the `..` of the one below it,
// and has to be the one that we came from. Knows nothing of JavaScript.
#pragma once
#include <memory>
#include <string>
#include <vector>

#include "root/root.h"

namespace root {

class Walk {
 public:
  struct Entry {
    const char* name;
    unsigned char type;  // DT_*, of dirent.h
  };

  // `rereads`: come back to, a directory is read from its beginning once more.
  explicit Walk(bool rereads = false) : rereads_(rereads) {}

  // Goes down into an open directory, which it takes; `name` is its name in the one above. (An
  // -errno in its place is what it answers.)
  int Push(int fd, const std::string& name);
  // 1: an entry of the directory that we are in; 0: there is none left. "." and ".." are not told.
  int Next(Entry* entry);
  void Rewind();
  // Back up to the directory above.
  int Pop();

  bool Empty() const { return levels_.empty(); }
  size_t Depth() const { return levels_.size(); }
  int Top() const { return levels_.back().fd.Get(); }
  const std::string& Name() const { return levels_.back().name; }
  // The way from the first directory to `name` in the last.
  std::string PathTo(const std::string& name) const;

 private:
  struct Level {
    std::string name;
    Fd fd;
    Identity identity;
    int64_t next = 0;  // where to read on, as getdents64(2) has it
    std::unique_ptr<char[]> entries;
    size_t at = 0;
    size_t length = 0;
  };

  bool rereads_;
  std::vector<Level> levels_;
};

// Opens a directory, for reading it, by its name in another one; whatever else is there, it is not
// opened (-ENOTDIR, -ELOOP).
int open_directory_at(int directory, const char* name);

}  // namespace root
