#include "environ.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

// The system calls alone: the child shares our memory, and with it the errno of this thread.
#define LAUNCHER_IN_NODE
#include "launcher/syscalls.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

namespace environ_file {
namespace {

struct Reader {
  int directory;
  int parent;
  char* bytes;
  size_t size;
  long length;  // or -errno
};

// Beside us, on our memory: only system calls, and nothing is written but its own Reader.
int read_all(void* data) {
  auto* reader = static_cast<Reader*>(data);
  CALL(prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0, 0);
  if (CALL0(getppid) != reader->parent) CALL1(exit_group, 0);
  const long file = CALL4(openat, reader->directory, "environ", O_RDONLY | O_CLOEXEC, 0);
  size_t length = 0;
  long got = file;
  while (got >= 0 && length < reader->size) {
    got = CALL3(read, file, reader->bytes + length, reader->size - length);
    if (got <= 0) break;
    length += static_cast<size_t>(got);
  }
  reader->length = got < 0 ? got : static_cast<long>(length);
  CALL1(exit_group, 0);
  return 0;
}

int64_t now() {
  struct timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec * int64_t{1000} + time.tv_nsec / 1000000;
}

bool ends_within(int pidfd, int wait) {
  const int64_t end = now() + wait;
  for (int64_t left = wait; left >= 0; left = end - now()) {
    struct pollfd poll = {pidfd, POLLIN, 0};
    const int done = ::poll(&poll, 1, static_cast<int>(left));
    if (done > 0) return true;
    if (done == 0 || errno != EINTR) return false;
  }
  return false;
}

void reap(int pidfd) {
  siginfo_t info = {};
  while (::waitid(static_cast<idtype_t>(3) /* P_PIDFD */, static_cast<id_t>(pidfd), &info,
                  WEXITED | __WALL) == -1 &&
         errno == EINTR) {
  }
  ::close(pidfd);
}

}  // namespace

// Without a signal at its end: libuv waits for none that it has not started. A handler of Node's must
// not run in it.
long read(int directory, char* bytes, size_t size, int wait) {
  alignas(16) char stack[16384];
  Reader reader = {directory, ::getpid(), bytes, size, -ETIMEDOUT};
  uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  int pidfd = -1;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  const int pid =
      ::clone(read_all, stack + sizeof stack, CLONE_VM | CLONE_PIDFD, &reader, &pidfd);
  const int error = errno;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  if (pid == -1) return -error;
  if (!ends_within(pidfd, wait)) ::syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, nullptr, 0);
  reap(pidfd);
  return reader.length;
}

}  // namespace environ_file
