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

// Freed by nobody where the process is not gone in the end: the kernel may still write to it.
struct Reader {
  int directory;
  const char* name;
  int parent;
  size_t most;
  char* bytes;
  long file;    // or -errno; kNone until it is known
  long length;  // or -errno
  alignas(16) char stack[16384];
};
constexpr long kNone = -ETIMEDOUT;
constexpr unsigned kPause = 1000;  // microseconds

// Beside us, on our memory: only system calls, and nothing is written but its own Reader.
int read_all(void* data) {
  auto* reader = static_cast<Reader*>(data);
  CALL(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (CALL0(getppid) != reader->parent) CALL1(exit_group, 0);
  reader->file = CALL4(openat, reader->directory, reader->name, O_RDONLY | O_CLOEXEC, 0);
  size_t length = 0;
  long got = reader->file;
  while (got >= 0 && length < reader->most) {
    got = CALL3(read, reader->file, reader->bytes + length, reader->most - length);
    if (got <= 0) break;
    length += static_cast<size_t>(got);
  }
  reader->length = got < 0 ? got : static_cast<long>(length);
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

void release(Reader* reader) {
  ::free(reader->bytes);
  ::free(reader);
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
  const int pid = ::clone(read_all, reader->stack + sizeof reader->stack, kShared, reader, pidfd);
  const int error = errno;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  return pid == -1 ? -error : pid;
}

}  // namespace

Text::~Text() { ::free(bytes); }

int read(int directory, const char* name, size_t most, int wait, Text* text) {
  const int may = sys::may_start_processes();
  if (may < 0) return may;
  auto* reader = static_cast<Reader*>(::malloc(sizeof(Reader)));
  if (reader == nullptr) return -ENOMEM;
  reader->directory = directory;
  reader->name = name;
  reader->parent = ::getpid();
  reader->most = most;
  reader->file = reader->length = kNone;
  reader->bytes = static_cast<char*>(::malloc(most));  // what is not read is never touched
  int pidfd = -1;
  const int pid = reader->bytes == nullptr ? -ENOMEM : start(reader, &pidfd);
  if (pid < 0) {
    release(reader);
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
  if (reader->file >= 0) ::close(static_cast<int>(reader->file));
  const long length = reader->length;
  if (length >= 0) {
    text->bytes = reader->bytes;
    text->length = static_cast<size_t>(length);
    reader->bytes = nullptr;
  }
  release(reader);
  return length < 0 ? static_cast<int>(length) : 0;
}

}  // namespace killable_read
