// The moment of a spawn itself: the launcher's program, the clone, and on which thread it is made.
#include "spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "keeper.h"
#include "launcher_bytes.h"  // made by launcher/embed.mjs
#include "program.h"
#include "spawn_parts.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

namespace spawn {
namespace {

uv_mutex_t mutex;
uv_once_t once = UV_ONCE_INIT;
int launcher = -1;

// What fails may succeed later: a sysctl was changed, a limit raised.
int launcher_fd() {
  uv_mutex_lock(&mutex);
  if (launcher < 0) launcher = program::seal(launcher_bytes, sizeof launcher_bytes);
  const int fd = launcher;
  uv_mutex_unlock(&mutex);
  return fd;
}

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

int run(Request* request, int forks, Prepared* prepared, Result* result) {
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
  const int pid = clone_child(&child, &result->pidfd);
  if (pid < 0) return pid;
  close_all(&prepared->theirs);
  ::close(prepared->channel[1]);
  prepared->channel[1] = -1;
  if (child.error != 0) {
    result->step = child.step;
    result->setup = child.set_up;  // a bad fd in stdio is Node's own error
    reap(result->pidfd);
    return child.error;
  }
  result->pid = pid;
  const int channel = prepared->channel[0];
  prepared->channel[0] = -1;
  if (request->program >= 0) {
    result->channel = channel;
    return 0;
  }
  const bool executes = !request->file.empty();
  return follow(channel, forks, executes, request->wait, result);
}

struct Errand {
  Request* request;
  Result* result;
  Prepared* prepared;
  int forks;
  int error;
};

int run_errand(void* data) {
  auto* errand = static_cast<Errand*>(data);
  return errand->error = run(errand->request, errand->forks, errand->prepared, errand->result);
}

}  // namespace

int start(Request* request, Result* result) {
  uv_once(&once, [] { uv_mutex_init(&mutex); });
  const uint32_t flags = request->fixed.flags;
  const int forks =
      ((flags & LAUNCH_FORK_JOINED) != 0 ? 1 : 0) + ((flags & LAUNCH_FORK_CREATED) != 0 ? 1 : 0);
  Prepared prepared;
  int error = prepare(request, forks, &prepared, result);
  if (error >= 0) {
    Errand errand = {request, result, &prepared, forks, 0};
    // The kernel watches the thread that cloned, not the process: a Worker's ends before it.
    const bool keep = (flags & LAUNCH_DIE_WITH_PARENT) != 0 && !keeper::is_first_thread();
    if (keep) {
      result->step = "pthread_create";
      error = keeper::start(run_errand, &errand, &result->keeper);
      if (error >= 0) error = errand.error;
    } else {
      error = run_errand(&errand);
    }
  }
  close_all(&prepared.theirs);
  for (int fd : prepared.channel) {
    if (fd >= 0) ::close(fd);
  }
  return error < 0 ? error : 0;
}

}  // namespace spawn
