// Files of /proc as a process writes them: its name, its arguments, its mounts. The input is what
// is in one file after another, with a byte 0xff between them.
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <string>
#include <vector>

#define private public
#include "scan.h"
#undef private
#include "processes.cc"

namespace {

const char* const kNames[] = {"status", "cmdline", "stat", "cgroup", "mountinfo"};
constexpr int kFiles = 5;

struct Folder {
  char path[64] = "/dev/shm/linux-namespaces-fuzz-XXXXXX";
  int fd;
  int proc;
  Folder() {
    if (mkdtemp(path) == nullptr) abort();
    proc = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    mkdirat(proc, "1", 0700);
    fd = openat(proc, "1", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  }
  ~Folder() {
    for (const char* name : kNames) unlinkat(fd, name, 0);
    unlinkat(proc, "1", AT_REMOVEDIR);
    rmdir(path);
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Folder folder;
  size_t at = 0;
  for (int i = 0; i < kFiles; i++) {
    size_t end = at;
    while (end < size && (data[end] != 0xff || i == kFiles - 1)) end++;
    const int file = openat(folder.fd, kNames[i], O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    if (write(file, data + at, end - at) != static_cast<ssize_t>(end - at)) abort();
    close(file);
    at = end < size ? end + 1 : size;
  }
  processes::Row row = {};
  processes::read(folder.proc, 1, 0, &row);
  for (const char byte : row.process.command) {
    if (byte == '\0') abort();  // texts go to JavaScript with a zero byte behind each
  }
  const scan::Options options = {-1, true};
  const scan::Home home;
  scan::Scanner scanner(options, home, folder.proc);
  scanner.read_mounts(folder.fd, 1);
  return 0;
}
