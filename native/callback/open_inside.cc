#include "callback/open_inside.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "base/result.h"

namespace open_inside {
namespace {

const char* own_file(int type) {
  switch (type) {
    case kernel::kCgroup:
      return "/proc/thread-self/ns/cgroup";
    case kernel::kIpc:
      return "/proc/thread-self/ns/ipc";
    case kernel::kNet:
      return "/proc/thread-self/ns/net";
    case kernel::kUts:
      return "/proc/thread-self/ns/uts";
    default:
      return nullptr;
  }
}

void come_back(const Way& way) {
  const int error = sys::setns(way.back, way.type);
  if (error >= 0) return;
  char words[128];
  snprintf(words, sizeof words,
           "linux-namespaces: no way back from a target: setns: %s. This "
           "process ends here.",
           strerror(-error));
  sys::die(words);
}

}  // namespace

int open(int pidfd, const Way* ways, int count, int* fds) {
  int types = 0;
  for (int i = 0; i < count; i++) {
    if (own_file(ways[i].type) == nullptr) return -EINVAL;
    types |= ways[i].type;
  }
  int done = sys::setns(pidfd, types);
  if (done < 0) return done;
  int opened = 0;
  while (opened < count) {
    done = sys::result_of(::open(own_file(ways[opened].type), O_RDONLY | O_CLOEXEC));
    if (done < 0) break;
    fds[opened++] = done;
  }
  for (int i = 0; i < count; i++) come_back(ways[i]);
  if (opened == count) return 0;
  while (opened > 0) ::close(fds[--opened]);
  return done;
}

}  // namespace open_inside
