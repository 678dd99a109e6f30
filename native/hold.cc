#include "hold.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#include "keeper.h"
#include "kernel.h"
#include "spawn_parts.h"
#include "sys.h"

namespace hold {
namespace {

constexpr int kPatience = 30000;  // ms: newuidmap and mounts may take their time

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

int open_all(Request* request, const spawn::Result& holder) {
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

}  // namespace

int run(Request* request) {
  launch* fixed = &request->spawn.fixed;
  for (int& fd : fixed->joins) fd = -1;
  fixed->root = fixed->cgroup = -1;
  fixed->flags = request->init ? LAUNCH_FORK_CREATED : 0;
  char name[] = "init";
  char* const argv[] = {nullptr, name, nullptr};
  request->spawn.argv.assign(argv, argv + 3);
  request->spawn.envp.assign(1, nullptr);
  request->spawn.wait = kPatience;
  request->count = 0;
  request->init_channel = -1;
  spawn::Result* holder = &request->failure;
  holder->hold = true;
  int error = spawn::start(&request->spawn, holder);
  if (error < 0) return error;
  holder->step = "clone";
  error = holder->ready ? open_all(request, *holder) : holder->channel >= 0 ? -ETIMEDOUT : -ESRCH;
  if (error == 0 && request->init) {
    // It closes itself to those who will be in the namespace.
    if (::send(holder->channel, "", 1, MSG_NOSIGNAL) != 1) error = -errno;
  }
  if (error == 0 && request->init) {
    request->init_channel = holder->channel;
    keeper::leave_to_reaper(holder->pidfd, nullptr);
    return 0;
  }
  while (error != 0 && request->count > 0) sys::close(request->fds[--request->count]);
  if (holder->channel >= 0) sys::close(holder->channel);
  spawn::kill(holder->pidfd, SIGKILL);
  spawn::reap(holder->pidfd);
  return error;
}

}  // namespace hold
