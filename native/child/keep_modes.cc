#include "child/keep_modes.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/namespaces.h"
#include "child/reaper.h"

namespace terminal {
namespace {

constexpr int kTimeout = 30000;  // ms

// Without the terminal's file at 0 to 2, which would be made to block for all who share it.
int start(int pipe, int fd, spawn::Result* result) {
  spawn::Request request = {};
  spawn::join_nothing(&request.fixed);
  request.fixed.flags = LAUNCH_KEEP_MODES;
  request.fixed.blocked = ~uint64_t{0};
  request.stdio = {pipe, spawn::kClosed, spawn::kClosed, fd};
  char name[] = "terminal-modes";
  request.argv = {nullptr, name, nullptr};
  request.envp = {nullptr};
  request.wait = kTimeout;
  const int error = spawn::start(&request, result);
  if (error < 0) return error;
  result->step = "clone";
  return result->launch.ready ? 0 : result->over ? -ESRCH : -ETIMEDOUT;
}

}  // namespace

int keep_modes(int fd, spawn::Result* failure) {
  int pipe[2];
  failure->step = "pipe2";
  if (::pipe2(pipe, O_CLOEXEC) == -1) return -errno;
  const int32_t starter = ::getpgid(::getppid());
  failure->step = "write";
  int error = ::write(pipe[1], &starter, sizeof starter) == sizeof starter ? 0 : -errno;
  if (error == 0) error = start(pipe[0], fd, failure);
  sys::close(pipe[0]);
  if (error == 0) {
    reaper::leave(failure->launch.processes[0].pidfd);
    failure->launch.processes[0].pidfd = -1;
  } else {
    sys::close(pipe[1]);
  }
  spawn::abandon(&failure->launch);
  return error < 0 ? error : pipe[1];
}

}  // namespace terminal
