// Files that somebody else may have made: an engine's state. What lies below a directory of a
// user's is read as that user's: without a link on the way, and only what belongs to that user, or
// root. Knows nothing of JavaScript.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace state {

struct Location {
  std::string base;    // with an owner: a directory that has to be the owner's
  std::string path;    // from there on, relative
  int64_t owner = -1;  // a uid; -1: anybody, and all of the path is in `base`
};

// All return 0 or -errno, with the system call in `step`; EFBIG where there is more than `most`,
// ELOOP for a link, EPERM for what is somebody else's, EINVAL for what is no regular file.
int read(const Location& location, size_t most, std::string* text, const char** step);

// Below the directory that was asked for, or itself: ''.
struct Directory {
  std::string path;
  std::vector<std::string> names;
};

struct Failure {
  std::string path;
  int error;
  const char* step;
};

// The names in a directory, or in those below it: `levels` has a pattern of fnmatch(3) for each
// level of them, with a slash between: `runtime-*/*` gives `runtime-runc/moby` and others. The
// first names where there are more. Failures are those of directories below; that one is not there
// is none.
int names(const Location& location, const std::string& levels, size_t most,
          std::vector<Directory>* found, const char** step, std::vector<Failure>* failures);

// How many lists and objects of JSON are open at once in it, at most.
int depth(const std::string& json);

// A connection to the socket that is there, which takes no file descriptors (SO_PASSRIGHTS, Linux
// 6.16): the last close of one could wait in our thread (SO_LINGER) for as long as its sender
// likes. Before Linux 6.16: EOPNOTSUPP unless `trusted`. Who listens has to be the owner, or, for
// -1, anybody. Waits for nothing: EAGAIN where too many others do.
int connect(const Location& location, bool trusted, const char** step);

}  // namespace state
