// Node's process becomes the launcher, and that the program: nothing of Node's stays.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "child/internal.h"
#include "child/keeper.h"

namespace spawn {
namespace {

// Who leads a process group, as each job of a shell does, cannot begin a session: a child can.
bool cannot_begin_session(const launch& fixed) {
  return (fixed.flags & LAUNCH_SETSID) != 0 && ::getpgrp() == ::getpid();
}

int set_inherited(const Prepared& prepared, int flags) {
  for (int fd : prepared.inherited) {
    if (::fcntl(fd, F_SETFD, flags) == -1) return -errno;
  }
  return 0;
}

// The kernel ends all other threads, and handlers go; pending signals wait for what the launcher
// makes of them.
int become(Request* request, Prepared* prepared, Result* result) {
  result->step = "memfd_create";
  const int launcher = launcher_fd();
  if (launcher < 0) return launcher;
  result->step = "fcntl";
  const int error = set_inherited(*prepared, 0);
  if (error < 0) return error;
  ::uv_tty_reset_mode();
  result->step = "execveat";
  uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  const int done = result_of(::syscall(SYS_execveat, launcher, "", request->argv.data(),
                                       request->envp.data(), AT_EMPTY_PATH));
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  set_inherited(*prepared, FD_CLOEXEC);
  return done;
}

}  // namespace

int execute(Request* request, Result* result) {
  result->step = "execveat";
  const uint32_t both = LAUNCH_FORK_JOINED | LAUNCH_IN_PLACE;
  request->fixed.flags |= LAUNCH_IN_PLACE;
  // A second fork would need somebody of ours inside who waits.
  const bool nested =
      (request->fixed.flags & both) == both && (request->fixed.unshare & 0x20000000);
  if (nested || !keeper::is_first_thread()) return -EINVAL;
  Prepared prepared;
  if (cannot_begin_session(request->fixed)) request->fixed.flags |= LAUNCH_FORK_CREATED;
  int error = prepare(request, &prepared, result);
  if (error >= 0) error = hand_over(request, &prepared, result);
  // Node has made them close-on-exec, 0 to 2 as well.
  for (int fd : request->kept) {
    if (::fcntl(fd, F_GETFD) != -1) prepared.inherited.push_back(fd);
  }
  // In the place of what the caller has there; what is null changes nothing of the machine's.
  const bool has_input = error >= 0 && !request->stdio.empty();
  if (has_input && ::dup2(request->stdio[0], STDIN_FILENO) == -1) error = -errno;
  // As long as the title that it gets where it stays.
  snprintf(prepared.number, sizeof prepared.number, "%016d", prepared.channel[1]);
  request->argv[0] = prepared.number;
  if (error >= 0) error = become(request, &prepared, result);
  close_all(&prepared.theirs);
  for (int fd : prepared.channel) {
    if (fd >= 0) ::close(fd);
  }
  return error;
}

}  // namespace spawn
