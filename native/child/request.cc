// Everything a child needs, made before there is a child: pipes, the channel, and the request in
// it.
#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/left_behind.h"
#include "child/internal.h"
#include "child/sealed_program.h"

#ifndef SO_PASSRIGHTS
#define SO_PASSRIGHTS 83
#endif

namespace spawn {
namespace {

constexpr size_t kPage = 4096;  // of launch_forks

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

// Through a socket, a process that holds the other end can pass us an fd whose close() takes as
// long as it likes (SO_LINGER), and we would close it. A pipe takes none, and is what programs
// expect to be started with: they can open /dev/stdin and /dev/stdout by name.
int open_pipe(size_t index, int* ours, int* theirs) {
  int pair[2];
  if (::pipe2(pair, O_CLOEXEC) == -1) return -errno;
  const bool input = index == 0;
  *ours = pair[input ? 1 : 0];
  *theirs = pair[input ? 0 : 1];
  return 0;
}

int open_pair(bool takes_fds, int* ours, int* theirs) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == -1) return -errno;
  const int no = 0;
  // Linux 6.16; before, fds that are passed are closed when they are read over.
  if (!takes_fds) ::setsockopt(pair[0], SOL_SOCKET, SO_PASSRIGHTS, &no, sizeof no);
  *ours = pair[0];
  *theirs = pair[1];
  return 0;
}

// Does it run among others, or as somebody else?
bool is_apart(const Request& request) {
  for (int fd : request.fixed.joins) {
    if (fd >= 0) return true;
  }
  const launch& fixed = request.fixed;
  return fixed.unshare != 0 || fixed.root >= 0 || !request.root.empty();
}

int open_stdio(Request* request, Prepared* prepared, Result* result) {
  result->step = "open";
  if (request->stdio.empty()) return 0;
  const int null = is_apart(*request) ? program::null() : program::plain_null();
  for (size_t i = 0; i < request->stdio.size(); i++) {
    int& fd = request->stdio[i];
    int end = -1;
    if (fd == kNull) {
      if ((fd = null) < 0) return null;
    } else if (fd == kPipe || fd == kIpc) {
      const bool pipe = fd == kPipe && i < 3;
      result->step = pipe ? "pipe2" : "socketpair";
      int other = -1;
      const int error = pipe ? open_pipe(i, &end, &other) : open_pair(fd == kIpc, &end, &other);
      if (error < 0) {
        for (int open : result->ends) {
          if (open >= 0) ::close(open);
        }
        result->ends.clear();
        return error;
      }
      prepared->theirs.push_back(fd = other);
    }
    result->ends.push_back(end);
    if (fd >= 0) prepared->inherited.push_back(fd);
  }
  return 0;
}

int open_channel(Prepared* prepared, Result* result) {
  result->step = "socketpair";
  if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, prepared->channel) == -1) return -errno;
  prepared->inherited.push_back(prepared->channel[1]);
  snprintf(prepared->number, sizeof prepared->number, "%d", prepared->channel[1]);
  const int yes = 1;
  result->step = "setsockopt";
  return result_of(::setsockopt(prepared->channel[0], SOL_SOCKET, SO_PASSCRED, &yes, sizeof yes));
}

// Where the program's own root has no terminals. Without it, the launcher says what is missing.
void open_devices(Request* request, Prepared* prepared) {
  request->fixed.devices = -1;
  if ((request->fixed.flags & LAUNCH_HAS_TERMINAL) == 0) return;
  const int fd = result_of(::open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC));
  if (fd < 0) return;
  prepared->theirs.push_back(fd);
  prepared->inherited.push_back(request->fixed.devices = fd);
}

// A file of memory, not a pipe: it is read when there is something to say, and whoever holds it
// open makes nobody wait.
int open_helper_output(Request* request, Prepared* prepared, Result* result) {
  const bool is_in_place = (request->fixed.flags & LAUNCH_IN_PLACE) != 0;
  request->fixed.helper_output = is_in_place ? 2 : -1;
  if (is_in_place) return 0;
  uint32_t helpers[2] = {0, 0};
  constexpr size_t kStart = LAUNCH_HELPERS * sizeof *helpers;
  if (request->create.size() >= kStart + sizeof helpers) {
    memcpy(helpers, request->create.data() + kStart, sizeof helpers);
  }
  if (helpers[0] == 0 && helpers[1] == 0) return 0;
  result->step = "memfd_create";
  const int fd = result_of(::syscall(SYS_memfd_create, "linux-namespaces", MFD_CLOEXEC));
  if (fd < 0) return fd;
  result->launch.helper_output = fd;
  prepared->inherited.push_back(request->fixed.helper_output = fd);
  return 0;
}

int open_forks(Request* request, Prepared* prepared, Result* result) {
  request->fixed.forks = -1;
  if (!forks(*request)) return 0;
  result->step = "memfd_create";
  const int fd = result_of(::syscall(SYS_memfd_create, "linux-namespaces", MFD_CLOEXEC));
  if (fd < 0) return fd;
  prepared->theirs.push_back(fd);
  prepared->inherited.push_back(request->fixed.forks = fd);
  result->step = "ftruncate";
  if (::ftruncate(fd, kPage) == -1) return -errno;
  result->step = "mmap";
  void* page = ::mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (page == MAP_FAILED) return -errno;
  result->launch.forks = static_cast<launch_forks*>(page);
  return 0;
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
  const std::vector<uint64_t>& limits = request->limits;
  fixed->limits = limits.size() == 32 ? append(&message, limits.data(), limits.size()) : 0;
  fixed->oom_score = append_text(&message, request->oom_score);
  fixed->label = append_text(&message, request->label);
  fixed->label_file = append_text(&message, request->label_file);
  const std::string& create = request->create;
  fixed->create = create.empty() ? 0 : append(&message, create.data(), create.size());
  const std::string& words = request->words;
  fixed->words = words.empty() ? 0 : append(&message, words.data(), words.size());
  fixed->kept_count = static_cast<uint32_t>(request->kept.size());
  fixed->kept = append(&message, request->kept.data(), request->kept.size());
  fixed->size = static_cast<uint32_t>(message.size());
  message.replace(0, sizeof *fixed, reinterpret_cast<const char*>(fixed), sizeof *fixed);
  result->step = "sendto";
  if (message.size() > LAUNCH_MOST) return -E2BIG;
  message.push_back('\0');  // that the launcher leaves unread
  const long sent =
      ::send(prepared->channel[0], message.data(), message.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
  if (sent == -1) return -errno;
  return sent == static_cast<long>(message.size()) ? 0 : -EAGAIN;  // the buffer is full
}

}  // namespace

void close_all(std::vector<int>* fds) {
  for (int fd : *fds) ::close(fd);
  fds->clear();
}

void forget_forks(Launch* launch) {
  if (launch->forks != nullptr) ::munmap(launch->forks, kPage);
  launch->forks = nullptr;
  if (launch->helper_output >= 0) ::close(launch->helper_output);
  launch->helper_output = -1;
}

void forget_terminal(Launch* launch) {
  if (launch->terminal >= 0) behind::close(launch->terminal);
  launch->terminal = -1;
}

void join_nothing(launch* fixed) {
  for (int& fd : fixed->joins) fd = -1;
  for (int& fd : fixed->cgroups) fd = -1;
  fixed->root = -1;
  fixed->directory = -1;
}

int prepare(Request* request, Prepared* prepared, Result* result) {
  int done = open_stdio(request, prepared, result);
  open_devices(request, prepared);
  if (done >= 0) done = open_channel(prepared, result);
  if (done >= 0) done = open_helper_output(request, prepared, result);
  return done < 0 ? done : open_forks(request, prepared, result);
}

int hand_over(Request* request, Prepared* prepared, Result* result) {
  launch* fixed = &request->fixed;
  fixed->parent = -1;
  fixed->parent_pid = ::getpid();
  const uint32_t wanted = fixed->flags & (LAUNCH_DIE_WITH_PARENT | LAUNCH_FORK_JOINED);
  if (wanted == LAUNCH_DIE_WITH_PARENT && !is_in_place(*request)) {
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
  for (int fd : fixed->cgroups) {
    if (fd >= 0) prepared->inherited.push_back(fd);
  }
  for (int fd : {fixed->root, fixed->directory, fixed->parent, request->preload}) {
    if (fd >= 0) prepared->inherited.push_back(fd);
  }
  return send_request(request, prepared, result);
}

}  // namespace spawn
