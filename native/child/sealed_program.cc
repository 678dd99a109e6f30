#include "child/sealed_program.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/memfd.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

#include <cstdint>

#include "base/result.h"
#include "preload_bytes.h"  // made by launcher/embed.mjs

#ifndef MFD_EXEC
#define MFD_EXEC 0x0010U
#endif
#ifndef SYS_open_tree
#define SYS_open_tree 428
#endif
#ifndef SYS_mount_setattr
#define SYS_mount_setattr 442
#endif

namespace program {
namespace {

constexpr unsigned kClone = 1;                 // OPEN_TREE_CLONE
constexpr unsigned kReadOnlyNoSetuid = 1 | 2;  // MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID
constexpr const char* kSelf = "/proc/self/exe";

using sys::result_of;

int open_memory() {
  const unsigned flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
  const int fd = result_of(::syscall(SYS_memfd_create, "linux-namespaces", flags | MFD_EXEC));
  if (fd != -EINVAL) return fd;  // Linux 6.3 knows the flag
  return result_of(::syscall(SYS_memfd_create, "linux-namespaces", flags));
}

// Takes the fd where it fails.
int finish(int fd, int done) {
  const int seals = F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE;
  if (done >= 0) done = result_of(::fcntl(fd, F_ADD_SEALS, seals));
  if (done >= 0) return fd;
  ::close(fd);
  return done;
}

// Without set-user-ID and file capabilities, too: with them the loader would pass over LD_PRELOAD.
// Linux 5.12, CAP_SYS_ADMIN.
int mount_read_only(const char* path) {
  struct {
    uint64_t set, clear, propagation, user;
  } attributes = {kReadOnlyNoSetuid, 0, 0, 0};
  const int fd = result_of(::syscall(SYS_open_tree, AT_FDCWD, path, kClone | O_CLOEXEC));
  if (fd < 0) return fd;
  const int done = result_of(
      ::syscall(SYS_mount_setattr, fd, "", AT_EMPTY_PATH, &attributes, sizeof attributes));
  if (done >= 0) return fd;
  ::close(fd);
  return done;
}

int copy() {
  const int from = result_of(::open(kSelf, O_RDONLY | O_CLOEXEC));
  if (from < 0) return from;
  const int fd = open_memory();
  long more = fd;
  while (fd >= 0 && more > 0) more = result_of(::sendfile(fd, from, nullptr, 1 << 30));
  ::close(from);
  return fd < 0 ? fd : finish(fd, static_cast<int>(more));
}

int make_node() {
  const int fd = mount_read_only(kSelf);
  return fd >= 0 ? fd : copy();
}

int make_plain_null() { return result_of(::open("/dev/null", O_RDWR | O_CLOEXEC)); }

// A process that has a file open can change its mode and owner, where it has the rights: a child
// that is root would change the machine's own /dev/null. Not by a mount that is read-only; to write
// to a device does not count as a change of that. The mount lasts as long as the fd.
int make_null() {
  const int mount = mount_read_only("/dev/null");
  int fd = mount;
  if (mount >= 0) {
    char path[32];
    snprintf(path, sizeof path, "/proc/self/fd/%d", mount);
    fd = result_of(::open(path, O_RDWR | O_CLOEXEC));
    ::close(mount);
  }
  return fd >= 0 ? fd : make_plain_null();
}

int make_preload() { return seal(preload_bytes, sizeof preload_bytes); }

uv_mutex_t mutex;
uv_once_t once = UV_ONCE_INIT;
int node_fd = -1;
int preload_fd = -1;
int null_fd = -1;
int plain_null_fd = -1;

// What fails may succeed later: a sysctl was changed, a limit raised.
int once_made(int* fd, int (*make)()) {
  uv_once(&once, [] { uv_mutex_init(&mutex); });
  uv_mutex_lock(&mutex);
  if (*fd < 0) *fd = make();
  const int made = *fd;
  uv_mutex_unlock(&mutex);
  return made;
}

}  // namespace

int seal(const void* bytes, size_t size) {
  const int fd = open_memory();
  if (fd < 0) return fd;
  const char* rest = static_cast<const char*>(bytes);
  const char* const end = rest + size;
  int done = 0;
  while (done >= 0 && rest < end) {
    done = result_of(::write(fd, rest, end - rest));
    if (done == -EINTR) done = 0;
    if (done > 0) rest += done;
  }
  return finish(fd, done);
}

int node() { return once_made(&node_fd, make_node); }
int preload() { return once_made(&preload_fd, make_preload); }
int null() { return once_made(&null_fd, make_null); }
int plain_null() { return once_made(&plain_null_fd, make_plain_null); }

}  // namespace program
