// Files of /proc as a process writes them: its name, its arguments, its mounts. The input is what
// is in one file after another, with a byte 0xff between them; they are all there is in a /proc of
// ours.
#include <fcntl.h>
#include <linux/magic.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>
#include <vector>

#include "namespace_scan.h"
#include "processes.h"

namespace {

const char* const kNames[] = {"status", "cmdline", "stat", "cgroup", "mountinfo"};
constexpr int kFiles = 5;

struct Folder {
  char path[64] = "/dev/shm/linux-namespaces-fuzz-XXXXXX";
  int process;
  Folder() {
    if (mkdtemp(path) == nullptr) abort();
    const std::string inner = std::string(path) + "/1";
    for (const char* name : {"", "/ns", "/fd", "/task", "/task/1"}) {
      mkdir((inner + name).c_str(), 0700);
    }
    for (const char* type : {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"}) {
      const std::string link = std::string(type) + ":[4026531999]";
      if (symlink(link.c_str(), (inner + "/ns/" + type).c_str()) != 0) abort();
    }
    process = open(inner.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ~Folder() { [[maybe_unused]] const int done = system(("rm -rf " + std::string(path)).c_str()); }
};

const char* place;  // of the /proc of ours, while the library looks

int open_at(int directory, const char* path, int flags, unsigned mode) {
  std::string other;
  if (place != nullptr && strncmp(path, "/proc", 5) == 0)
    path = (other = place + std::string(path + 5)).c_str();
  return static_cast<int>(syscall(SYS_openat, directory, path, flags, mode));
}

// With the limits that a look has, or without.
template <class Limits>
void fill(Limits* limits) {
  *limits = {1 << 17, 1 << 22, 4096, 1 << 22, 10000, 10000, 2000, {1 << 20, 1000}};
}

template <class Options>
void set_limits(Options* options) {
  if constexpr (requires { options->limits; }) fill(&options->limits);
}

template <class Rows>
void list(Rows* rows) {
  const char* step = "";
  if constexpr (requires { processes::list(std::vector<int>{1}, rows, &step); }) {
    processes::list(std::vector<int>{1}, rows, &step);
  } else {
    scan::Options options = {};
    set_limits(&options);
    int unreadable = 0;
    [&](auto all) { processes::list({1}, all.limits, rows, &unreadable, &step); }(options);
  }
}

}  // namespace

// In the place of the C library's.
extern "C" {
int open(const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const unsigned mode = va_arg(more, unsigned);
  va_end(more);
  return open_at(AT_FDCWD, path, flags, mode);
}
int openat(int directory, const char* path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  const unsigned mode = va_arg(more, unsigned);
  va_end(more);
  return open_at(directory, path, flags, mode);
}
int fstatfs(int fd, struct statfs* found) noexcept {
  const int done = static_cast<int>(syscall(SYS_fstatfs, fd, found));
  if (place != nullptr) found->f_type = PROC_SUPER_MAGIC;
  return done;
}
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Folder folder;
  size_t at = 0;
  for (int i = 0; i < kFiles; i++) {
    size_t end = at;
    while (end < size && (data[end] != 0xff || i == kFiles - 1)) end++;
    const int file =
        openat(folder.process, kNames[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (write(file, data + at, end - at) != static_cast<ssize_t>(end - at)) abort();
    close(file);
    at = end < size ? end + 1 : size;
  }
  place = folder.path;
  std::vector<processes::Row> rows;
  list(&rows);
  for (const processes::Row& row : rows) {
    // Texts go to JavaScript with a zero byte behind each.
    if (row.process.command.find('\0') != std::string::npos) abort();
  }
  scan::Options options = {};
  options.types = -1;
  options.holders = true;
  set_limits(&options);
  scan::Result result;
  scan::run(options, &result);
  place = nullptr;
  return 0;
}
