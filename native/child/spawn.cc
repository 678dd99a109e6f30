// The moment of a spawn itself: the launcher's program, the clone, and on which thread it is made.
#include "child/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "base/fd.h"
#include "child/internal.h"
#include "child/keeper.h"
#include "child/sealed_program.h"
#include "launcher_bytes.h"  // made by launcher/embed.mjs

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

namespace spawn {
namespace {

uv_mutex_t mutex;
uv_once_t once = UV_ONCE_INIT;
int launcher = -1;

// What the child has between clone and exec. It runs on our memory while we are suspended.
struct Child {
  int launcher;
  const int* inherited;
  int count;
  char* const* argv;
  char* const* envp;
  const char* step;
  int error;
  bool set_up;
};

// Only system calls on prepared data: no allocation, no lock, no return.
int child_main(void* data) {
  auto* child = static_cast<Child*>(data);
  child->step = "fcntl";
  for (int i = 0; i < child->count; i++) {
    if (::fcntl(child->inherited[i], F_SETFD, 0) == -1) {
      child->error = -errno;
      ::_exit(127);
    }
  }
  child->set_up = true;
  child->step = "execveat";
  ::syscall(SYS_execveat, child->launcher, "", child->argv, child->envp, AT_EMPTY_PATH);
  child->error = -errno;
  ::_exit(127);
}

// A handler of Node's must not run in the child, on Node's memory: no signal at all until the exec.
int clone_child(Child* child, int* pidfd) {
  alignas(16) char stack[16384];
  uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  const int pid = result_of(::clone(child_main, stack + sizeof stack,
                                    CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, child, pidfd));
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  return pid;
}

struct Work {
  Request* request;
  Prepared* prepared;
  Result* result;
};

int run(void* data) {
  const auto [request, prepared, result] = *static_cast<Work*>(data);
  const int sent = hand_over(request, prepared, result);
  if (sent < 0) return sent;
  request->argv[0] = prepared->number;
  Child child = {request->program < 0 ? launcher_fd() : request->program,
                 prepared->inherited.data(),
                 static_cast<int>(prepared->inherited.size()),
                 request->argv.data(),
                 request->envp.data(),
                 "",
                 0,
                 false};
  result->step = "memfd_create";
  if (child.launcher < 0) return child.launcher;
  result->step = "clone";
  Process* first = &result->launch.processes[0];
  first->pid = clone_child(&child, &first->pidfd);
  if (first->pid < 0) return first->pid;
  close_all(&prepared->theirs);
  ::close(prepared->channel[1]);
  prepared->channel[1] = -1;
  result->launch.channel = prepared->channel[0];
  prepared->channel[0] = -1;
  if (child.error != 0) {
    result->step = child.step;
    result->setup = child.set_up;  // a bad fd in stdio is Node's own error
    abandon(&result->launch);
    return child.error;
  }
  if (request->program >= 0) return 0;
  const int done = follow(*request, request->wait, result);
  result->over = done > 0;
  return done < 0 ? done : 0;
}

}  // namespace

// What fails may succeed later: a sysctl was changed, a limit raised.
int launcher_fd() {
  uv_once(&once, [] { uv_mutex_init(&mutex); });
  uv_mutex_lock(&mutex);
  if (launcher < 0) launcher = program::seal(launcher_bytes, sizeof launcher_bytes);
  const int fd = launcher;
  uv_mutex_unlock(&mutex);
  return fd;
}

int start(Request* request, Result* result) {
  result->launch.joined = (request->fixed.flags & LAUNCH_FORK_JOINED) != 0;
  result->launch.second = result->launch.joined && (request->fixed.unshare & CLONE_NEWPID) != 0;
  result->launch.has_terminal = (request->fixed.flags & LAUNCH_HAS_TERMINAL) != 0;
  Prepared prepared;
  result->step = "close_range";
  int error = sys::may_start_processes();
  if (error >= 0) error = prepare(request, &prepared, result);
  if (error >= 0) {
    Work work = {request, &prepared, result};
    // The kernel watches the thread that cloned, not the process: a Worker's ends before it.
    const bool dies = (request->fixed.flags & LAUNCH_DIE_WITH_PARENT) != 0;
    if (dies && !keeper::is_first_thread()) {
      result->step = "pthread_create";
      error = keeper::start(run, &work, &result->keeper);
    } else {
      error = run(&work);
    }
  }
  close_all(&prepared.theirs);
  for (int fd : prepared.channel) {
    if (fd >= 0) ::close(fd);
  }
  if (error < 0) forget_forks(&result->launch);
  return error < 0 ? error : 0;
}

}  // namespace spawn
