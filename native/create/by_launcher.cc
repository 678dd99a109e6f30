#include "create/by_launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "child/internal.h"
#include "child/reaper.h"

namespace hold {
namespace {

constexpr int kTimeout = 30000;  // ms: newuidmap and mounts may take their time

bool is_for_children(const Request& request, int type) {
  return !request.init && (type == kernel::kPid || type == kernel::kTime);
}

int open_one(const Request& request, int pidfd, int pid, int i) {
  const int type = request.types[i];
  const bool children = is_for_children(request, type);
  const int fd =
      children ? sys::pidfd_children_namespace(pidfd, type) : sys::pidfd_namespace(pidfd, type);
  if (fd != -ENOTTY) return fd;
  // Before Linux 6.11. It cannot be another process by now: it is ours to reap.
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/ns/%s%s", pid, request.names[i],
           children ? "_for_children" : "");
  return sys::open_namespace(path);
}

int open_all(Request* request, const spawn::Process& holder) {
  for (int i = 0; i < request->wanted; i++) {
    const int fd = open_one(*request, holder.pidfd, holder.pid, i);
    if (fd < 0) {
      request->failure.step = "open";
      request->failure.detail = request->types[i];
      return fd;
    }
    request->fds[request->count++] = fd;
  }
  return 0;
}

int start_holder(Request* request, int pipe) {
  launch* fixed = &request->spawn.fixed;
  spawn::join_nothing(fixed);
  fixed->flags = request->init ? LAUNCH_FORK_CREATED : 0;
  char name[] = "init";
  char* const argv[] = {nullptr, name, nullptr};
  request->spawn.argv.assign(argv, argv + 3);
  request->spawn.envp.assign(1, nullptr);
  request->spawn.stdio.assign(1, pipe);
  request->spawn.wait = kTimeout;
  const int error = spawn::start(&request->spawn, &request->failure);
  if (error < 0) return error;
  const spawn::Launch& launch = request->failure.launch;
  const spawn::Process& holder = launch.processes[launch.current];
  request->failure.step = "clone";
  return launch.ready ? open_all(request, holder) : request->failure.over ? -ESRCH : -ETIMEDOUT;
}

}  // namespace

int run(Request* request) {
  request->count = 0;
  request->init_pipe = -1;
  // All that the holder keeps of us: an end that nothing can be said by.
  int pipe[2];
  request->failure.step = "pipe2";
  if (::pipe2(pipe, O_CLOEXEC) == -1) return -errno;
  int error = start_holder(request, pipe[0]);
  sys::close(pipe[0]);
  spawn::Launch* launch = &request->failure.launch;
  if (error == 0 && request->init) {
    // It closes itself to those who will be in the namespace.
    if (::write(pipe[1], "", 1) != 1) error = -errno;
  }
  if (error == 0 && request->init) {
    request->init_pipe = pipe[1];
    // Who gets the namespaces has one child more, and not another that is about to end.
    for (int i = 0; i < launch->current; i++) {
      spawn::kill(launch->processes[i].pidfd, SIGKILL);
      spawn::reap(launch->processes[i].pidfd, kTimeout);
      launch->processes[i].pidfd = -1;
    }
    spawn::Process* holder = &launch->processes[launch->current];
    reaper::leave(holder->pidfd);
    holder->pidfd = -1;
  } else {
    sys::close(pipe[1]);
  }
  while (error != 0 && request->count > 0) sys::close(request->fds[--request->count]);
  spawn::abandon(launch);
  return error;
}

}  // namespace hold
