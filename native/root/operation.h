// One call on the files of a container: what was asked, and what came of it. Any of them may block,
// on a file system that does not answer, so each is made on a thread of its own. Knows nothing of
// JavaScript.
#pragma once
#include <string>

#include "base/shared.h"
#include "root/tree.h"

namespace root {

enum class Operation {  // in the order of `operations` in src/root/request.ts
  kOpen,                // path, flags, mode, special: fd; 1 if only its content is in reach of it
  kReadFile,            // path, flags, special: data; of what is longer the fd and size, too
  kStat,                // path, follows: data; 1 where the kernel holds no files
  kReadlink,            // path: data
  kRealpath,            // path: data
  kList,                // path, recursive: data
  kMkdir,               // path, mode, recursive: length of the first path made, 0: none
  kRemove,              // path, recursive
  kRename,              // path, other
  kChmod,               // path, mode
  kChown,               // path, uid, gid
  kSymlink,             // path, other (the target)
  kCopy,                // path, other, CopyFlags
  kRead,                // fd, position or -1, length, full: bytes read, data
  kWrite,               // fd, data, position or -1: bytes written
  kClose,               // fd
  kReplace,  // path, mode: fd, second (its directory), data (its name, 0, that of the path)
  kCommit,   // fd, second, path (its name), other: takes the name, on disk
  kAbandon,  // second, path: removes it
  // Of an archive, numbers: CopyFlags, mode, uid, gid, mtime in seconds, nanoseconds, major, minor.
  kPut,     // path, other (what a link says; of no type: the file that gets a name), data, more:
            // 1 directory made, 3 nothing done; with `more` as kReplace, to be written
  kPutEnd,  // fd, second, path (its name), other: takes the name
  kAttributes,  // path: of a directory
  kSync         // fd: on disk
};

constexpr uint32_t kNumbers = 9;

struct Call : Work {
  Shared<Root> root;
  Operation operation = Operation::kOpen;
  std::string path;
  std::string other;
  int64_t numbers[kNumbers] = {};
  int fd = -1;
  int second = -1;
  std::string data;  // in and out
  Fd opened;
  Fd opened_second;
  int64_t value = 0;  // >= 0, or -errno
  bool gone = false;  // this is the root of nothing any more
};

void run(Call* call);

}  // namespace root
