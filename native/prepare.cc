// Everything a child needs, made before there is a child: pipes, the channel, and the request in
// it.
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include "spawn_parts.h"

namespace spawn {
namespace {

int null = -1;
uv_once_t once = UV_ONCE_INIT;

int null_fd() {
  uv_once(&once, [] { null = result_of(::open("/dev/null", O_RDWR | O_CLOEXEC)); });
  return null;
}

template <class T>
uint32_t append(std::string* message, const T* data, size_t count) {
  message->resize((message->size() + 7) & ~size_t{7});
  const auto offset = static_cast<uint32_t>(message->size());
  message->append(reinterpret_cast<const char*>(data), count * sizeof(T));
  return offset;
}

uint32_t append_text(std::string* message, const std::string& text) {
  return text.empty() ? 0 : append(message, text.c_str(), text.size() + 1);
}

int open_stdio(Request* request, Prepared* prepared, Result* result) {
  result->step = "open";
  const int null = null_fd();
  for (int& fd : request->stdio) {
    int end = -1;
    if (fd == kNull) {
      if ((fd = null) < 0) return null;
    } else if (fd == kPipe) {
      int pair[2];
      result->step = "socketpair";
      if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) {
        const int error = -errno;
        for (int open : result->ends) {
          if (open >= 0) ::close(open);
        }
        result->ends.clear();
        return error;
      }
      prepared->theirs.push_back(fd = pair[1]);
      end = pair[0];
    }
    result->ends.push_back(end);
    if (fd >= 0) prepared->inherited.push_back(fd);
  }
  return 0;
}

int open_channel(int forks, Prepared* prepared, Result* result) {
  result->step = "socketpair";
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, prepared->channel) == -1) return -errno;
  prepared->inherited.push_back(prepared->channel[1]);
  snprintf(prepared->number, sizeof prepared->number, "%d", prepared->channel[1]);
  const int yes = 1;
  result->step = "setsockopt";
  if (forks == 0) return 0;
  return result_of(::setsockopt(prepared->channel[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes));
}

// Everything the launcher has to know goes into the channel before there is a launcher.
int send_request(Request* request, Prepared* prepared, Result* result) {
  launch* fixed = &request->fixed;
  std::string& message = prepared->message;
  message.assign(reinterpret_cast<const char*>(fixed), sizeof *fixed);
  fixed->stdio_count = static_cast<uint32_t>(request->stdio.size());
  fixed->stdio = append(&message, request->stdio.data(), request->stdio.size());
  fixed->groups_count = static_cast<uint32_t>(request->groups.size());
  fixed->groups = append(&message, request->groups.data(), request->groups.size());
  fixed->file = append_text(&message, request->file);
  fixed->root_path = append_text(&message, request->root);
  fixed->cwd = append_text(&message, request->cwd);
  const std::string& create = request->create;
  fixed->create = create.empty() ? 0 : append(&message, create.data(), create.size());
  fixed->size = static_cast<uint32_t>(message.size());
  message.replace(0, sizeof *fixed, reinterpret_cast<const char*>(fixed), sizeof *fixed);
  result->step = "sendto";
  if (message.size() > LAUNCH_MOST) return -E2BIG;
  const long sent =
      ::send(prepared->channel[0], message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == -1 && errno != EAGAIN) return -errno;
  return sent == static_cast<long>(message.size()) ? 0 : -E2BIG;
}

}  // namespace

void close_all(std::vector<int>* fds) {
  for (int fd : *fds) ::close(fd);
  fds->clear();
}

int prepare(Request* request, int forks, Prepared* prepared, Result* result) {
  const int done = open_stdio(request, prepared, result);
  return done < 0 ? done : open_channel(forks, prepared, result);
}

int hand_over(Request* request, Prepared* prepared, Result* result) {
  launch* fixed = &request->fixed;
  fixed->parent = -1;
  if ((fixed->flags & LAUNCH_DIE_WITH_PARENT) != 0) {
    // The thread that clones is the one that counts. Its pidfd would not do: it says nothing before
    // the last of the threads has ended, and a child that asks in between would live on.
    result->step = "open";
    fixed->parent = result_of(::open("/proc/thread-self/stat", O_RDONLY | O_CLOEXEC));
    if (fixed->parent < 0) return fixed->parent;
    prepared->theirs.push_back(fixed->parent);
  }
  for (int fd : fixed->joins) {
    if (fd >= 0) prepared->inherited.push_back(fd);
  }
  for (int fd : {fixed->root, fixed->cgroup, fixed->parent, request->preload}) {
    if (fd >= 0) prepared->inherited.push_back(fd);
  }
  return send_request(request, prepared, result);
}

}  // namespace spawn
