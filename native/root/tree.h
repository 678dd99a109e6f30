// What is done to whole trees in one go, on the thread that calls it: listing, removing, copying.
// Knows nothing of JavaScript. Every function returns a value >= 0, or -errno: ECANCELED where it
// was told to stop.
#pragma once
#include <atomic>
#include <cstdint>
#include <string>

#include "root/root.h"

namespace root {

// Who is asked which entries of a tree are copied.
class Filter {
 public:
  virtual ~Filter() = default;
  // `question`: the directory, then names in it, each with a zero byte at its end. `answer`: for
  // each name a byte, 0 for one that is left out. It waits; -ECANCELED where nobody will answer.
  virtual int Ask(const std::string& question, std::string* answer) = 0;
};

// What a long piece of work looks at, and shows, while it goes on.
struct Work {
  std::atomic<bool> cancelled{false};
  std::atomic<uint64_t> files{0};
  std::atomic<uint64_t> bytes{0};
  std::string at;                // where in the tree it failed; empty: at its top
  const char* reason = nullptr;  // a word for what the -errno alone does not say
  Filter* filter = nullptr;
  // Names of file systems that hold no files, each with a 0 behind it, on which something may be
  // changed all the same; and the one on which it was refused. See filesystem.h.
  std::string systems;
  std::string system;
  bool foreign = false;  // something was to be changed whose owner is not known inside
};

// Entries as {uint32 parent, uint8 type as UV_DIRENT_*, name, 0}: `parent` is 0 for the directory
// itself, or the number, in the order of the list, of the directory that the entry is in.
int list(const Root& root, const std::string& path, bool recursive, Work* work, std::string* found);

int remove(const Root& root, const std::string& path, bool recursive, Work* work);

enum CopyFlags {
  kCopyIn = 1,            // from outside to inside; otherwise the other way
  kCopyOwners = 2,        // and with them the set-ID bits, and file capabilities
  kCopySpecial = 4,       // FIFOs, devices and sockets are made anew; otherwise refused
  kCopySkip = 8,          // or left out;
  kCopyAuto = 4096,       // or left out where the source is the whole root of the container
  kCopyKeep = 16,         // what is there stays
  kCopyExclusive = 32,    // what is there is an error, -EEXIST
  kCopyFollow = 64,       // links are not copied, but what they lead to
  kCopyNewTimes = 128,    // times are not kept
  kCopyOneSystem = 256,   // of other file systems the mount points alone
  kCopyFlat = 512,        // no directories, -EISDIR
  kCopyClone = 1024,      // shares the blocks where the file system can
  kCopyCloneOnly = 2048,  // and nowhere else
  kCopyEntry = 8192       // put as an entry of a tree: a link that has the name is not followed
};

int copy(const Root& root, const std::string& from, const std::string& to, int flags, Work* work);

}  // namespace root
