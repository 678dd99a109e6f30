// Copies a tree, entry by entry, by open directories on both sides. Knows nothing of JavaScript.
// Every function returns a value >= 0, or -errno.
#pragma once
#include <string>
#include <vector>

#include "root/copy_content.h"
#include "root/copy_links.h"
#include "root/copy_thread.h"
#include "root/tree.h"
#include "root/walk.h"

namespace root {

Key key_of(const struct statx& found);

class Copy {
 public:
  Copy(const Root& root, int flags, Work* work);

  // `from` is an O_PATH fd of a file that is no directory; its copy gets `name` in `parent`.
  int One(int from, int parent, const std::string& name, const struct statx& source);
  // `from` is a directory. Its copy gets `name` in `parent`, or is put into `existing`, which is
  // taken.
  int Tree(int from, int parent, const std::string& name, const struct statx& source, int existing);

  // On either thread.
  int File(int from, int parent, const std::string& name, const struct statx& source,
           PerThread* own);

 private:
  // A directory that we are in.
  struct Level {
    struct statx source;
    bool made;
    // With a filter: the entries that were asked about and are copied, from `next` on.
    std::vector<std::string> names;
    size_t next = 0;
  };

  int Told(int done);
  int Next(std::string* name);
  int Ask(Level* level);
  int Entry(const std::string& name);
  bool IsLeftOut(int directory, const struct statx& source) const;
  int MountPoint(const std::string& name, const struct statx& source);
  int Directory(int from, const std::string& name, int parent, const struct statx& source);
  int Down(int from, const std::string& name, int to, const struct statx& source, bool made);
  int Up();
  int Regular(int from, int parent, const std::string& name, const struct statx& source,
              PerThread* own);
  int Link(const Key& key, int parent, const std::string& name, const struct statx& source,
           PerThread* own);

  const Root& root_;
  int flags_;
  Work* work_;
  Walk from_;
  Walk to_;
  Fd top_fd_;  // where what is in links_ is looked up
  Key top_ = {};
  uint64_t system_ = 0;  // the file system of the source
  std::vector<Level> levels_;
  Links links_;
  CopyThreads threads_;  // last: what it works with is still there when it ends
};

}  // namespace root
