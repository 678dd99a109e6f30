// How a copy comes to have its name in a directory, whatever has that name already: that is
// replaced when the copy is whole, written in place, left alone, or the copy is refused. Knows
// nothing of JavaScript. Every function returns a value >= 0, or -errno.
#pragma once
#include <string>

#include "root/mount_thread.h"
#include "root/tree.h"

namespace root {

// A file that is being written.
struct Begun {
  Fd file;
  std::string made;   // its name for the time being; empty: what is there is written in place
  bool skip = false;  // there is nothing to write: what is there stays
};

class Naming {
 public:
  // For one thread. `flags` are CopyFlags; of `work` it writes `reason` and `system`.
  Naming(const Root& root, int flags, Work* work)
      : root_(root), flags_(flags), work_(work), names_(root, work) {}

  // A file to write the copy to. The name, and what has it already, is left alone until End, but
  // for a file that is a mount point: it is written in place, as it is for whoever sees the mount.
  int Begin(int parent, const std::string& name, const struct statx& source, Begun* begun);
  // Attributes, and the name. `done` is what the writing came to: after an error, nothing is left.
  // `reading` is the source, for what only an open file tells, or -1. Gives kKeep where what has
  // got the name meanwhile stays.
  int End(Begun* begun, int done, int reading, int parent, const std::string& name,
          const struct statx& source);

  // A directory. -EEXIST: there is something.
  int Directory(int parent, const std::string& name);

  // A further name for a file, of which an O_PATH fd is open: 1, or kKeep where what is there
  // stays. 0: it cannot be had in this way, for which `why` is an errno.
  int Link(int file, int parent, const std::string& name, const struct statx& source, int* why);

  // An O_PATH fd of a regular file, to be written in place: by a link to it, or as a mount point.
  int InPlace(int file, Begun* begun);

  // A copy of what has no content: a link that says `link`, a FIFO, device or socket. Gives kKeep
  // where what is there stays.
  int Special(const std::string& link, int parent, const std::string& name,
              const struct statx& source);

  enum Verdict { kFree, kReplace, kInPlace, kKeep };
  // What is to become of what has the name, which is not a directory.
  int Judge(int parent, const std::string& name, const struct statx& source) const;
  // The same of what is known to be there.
  int Existing() const;

  int Unlink(int parent, const std::string& name);
  // Gives the reason with the error.
  int Refuse(int error, const char* reason) const;

 private:
  bool IsIn() const { return (flags_ & kCopyIn) != 0; }
  int TakeName(int parent, const std::string& made, const std::string& name,
               const struct statx& source);
  int TakeFreeName(int parent, const std::string& made, const std::string& name);
  bool LeadsToSpecial(int parent, const std::string& name) const;

  const Root& root_;
  int flags_;
  Work* work_;
  Names names_;
};

// Where a link in a directory of the container leads to, from its root on: an O_PATH fd.
int follow(const Root& root, int directory, const std::string& name);

}  // namespace root
