#include "child/killable_read.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/fd.h"
#include "base/timeout.h"
#include "child/reaper.h"

// The system calls alone: the child shares our memory, and with it the errno of this thread.
#define LAUNCHER_IN_NODE
#include "launcher/syscalls.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

namespace killable_read {
namespace {

constexpr long kNone = -ETIMEDOUT;
constexpr unsigned kPause = 1000;  // microseconds

// Freed by nobody where the process is not gone in the end: the kernel may still write to it.
struct Reader {
  explicit Reader(int fd) : descriptor(fd) {}
  ~Reader() { ::free(bytes); }

  const int descriptor;  // a directory, or a pidfd
  const int parent = ::getpid();
  std::vector<std::string> names;
  const char* paths[kFilesMost] = {};
  unsigned long requests[kFilesMost] = {};  // in the place of paths
  long files[kFilesMost] = {};              // or -errno; kNone until it is known
  size_t count = 0;
  int flags = O_RDONLY;
  size_t most = 0;  // bytes; 0: they are to be opened
  char* bytes = nullptr;
  long length = kNone;  // or -errno
  alignas(16) char stack[16384];
};

// Only system calls, and nothing is written but the Reader.
void work(Reader* reader) {
  long got = 0;
  for (size_t i = 0; i < reader->count && got >= 0; i++) {
    got = reader->paths[i] == nullptr
              ? CALL3(ioctl, reader->descriptor, reader->requests[i], 0)
              : CALL4(openat, reader->descriptor, reader->paths[i], reader->flags | O_CLOEXEC, 0);
    reader->files[i] = got;
  }
  size_t length = 0;
  while (got >= 0 && length < reader->most) {
    got = CALL3(read, reader->files[0], reader->bytes + length, reader->most - length);
    if (got <= 0) break;
    length += static_cast<size_t>(got);
  }
  reader->length = got < 0 ? got : static_cast<long>(length);
}

// Beside us, on our memory.
int child_main(void* data) {
  auto* reader = static_cast<Reader*>(data);
  CALL(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (CALL0(getppid) == reader->parent) work(reader);
  CALL1(exit_group, 0);
  return 0;
}

// Time in which it waits for a processor is not the target's.
bool ends_within(int pid, int pidfd, int wait) {
  timeout::Timeout timeout(wait);
  do {
    struct pollfd poll = {pidfd, POLLIN, 0};
    const int done = ::poll(&poll, 1, timeout.piece());
    if (done > 0) return true;
    if (done < 0 && errno != EINTR) ::usleep(kPause);  // no memory: it may be there a moment later
  } while (!timeout.is_over(pid));
  return false;
}

// Without a signal at its end: libuv waits for none that it has not started. A handler of Node's
// must not run in it. With our table of files: closing a copy of all of them at its end would tell
// a file system of somebody else's, and wait for its answer (FUSE_FLUSH).
// Its pid, or -errno.
int start(Reader* reader, int* pidfd) {
  constexpr int kShared = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_PIDFD;
  uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  const int pid = ::clone(child_main, reader->stack + sizeof reader->stack, kShared, reader, pidfd);
  const int error = errno;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  return pid == -1 ? -error : pid;
}

void name(Reader* reader, std::vector<std::string> names) {
  reader->names = std::move(names);
  reader->count = std::min(reader->names.size(), kFilesMost);
  for (size_t i = 0; i < reader->count; i++) {
    reader->paths[i] = reader->names[i].c_str();
    reader->files[i] = kNone;
  }
}

void close_files(Reader* reader) {
  for (size_t i = 0; i < reader->count; i++) {
    if (reader->files[i] >= 0) ::close(static_cast<int>(reader->files[i]));
  }
}

// 0: the process is gone, whatever it has done. -errno: the Reader is not ours any more.
int run(Reader* reader, int wait) {
  const int may = sys::may_start_processes();
  int pidfd = -1;
  const int pid = may < 0 ? may : start(reader, &pidfd);
  if (pid < 0) {
    delete reader;
    return pid;
  }
  if (!ends_within(pid, pidfd, wait)) {
    ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
    if (!ends_within(pid, pidfd, wait)) {  // somebody traces it
      reaper::leave(pidfd);
      return -ETIMEDOUT;
    }
  }
  siginfo_t info = {};
  while (::waitid(static_cast<idtype_t>(3) /* P_PIDFD */, static_cast<id_t>(pidfd), &info,
                  WEXITED | __WALL) == -1 &&
         errno == EINTR) {
  }
  ::close(pidfd);
  return 0;
}

// Of a Reader of nobody else's: what it has opened. 0, or -errno.
int give(Reader* reader, int wait, std::vector<int>* files) {
  if (sys::may_start_processes() < 0) {
    work(reader);
  } else {
    const int failed = run(reader, wait);
    if (failed < 0) return failed;
  }
  const bool is_over = reader->length == kNone;  // it was killed
  if (is_over) close_files(reader);
  for (size_t i = 0; i < reader->count && !is_over; i++) {
    files->push_back(static_cast<int>(reader->files[i]));
    if (reader->files[i] < 0) break;
  }
  delete reader;
  return is_over ? -ETIMEDOUT : 0;
}

}  // namespace

Text::~Text() { ::free(bytes); }

int read(int directory, const char* file, size_t most, int wait, Text* text) {
  auto* reader = new Reader(directory);
  name(reader, {file});
  reader->most = most;
  reader->bytes = static_cast<char*>(::malloc(most));  // what is not read is never touched
  if (reader->bytes == nullptr) {
    delete reader;
    return -ENOMEM;
  }
  const int failed = run(reader, wait);
  if (failed < 0) return failed;
  close_files(reader);
  const long length = reader->length;
  if (length >= 0) {
    text->bytes = reader->bytes;
    text->length = static_cast<size_t>(length);
    reader->bytes = nullptr;
  }
  delete reader;
  return length < 0 ? static_cast<int>(length) : 0;
}

int open(int directory, std::vector<std::string> names, int flags, int wait,
         std::vector<int>* files) {
  auto* reader = new Reader(directory);
  name(reader, std::move(names));
  reader->flags = flags;
  return give(reader, wait, files);
}

int ask(int descriptor, const std::vector<unsigned long>& requests, int wait,
        std::vector<int>* files) {
  auto* reader = new Reader(descriptor);
  reader->count = std::min(requests.size(), kFilesMost);
  std::copy_n(requests.begin(), reader->count, reader->requests);
  std::fill_n(reader->files, reader->count, kNone);
  return give(reader, wait, files);
}

}  // namespace killable_read
