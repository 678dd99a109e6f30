#include "root/mount_thread.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "base/result.h"
#include "root/filesystem.h"

namespace root {
namespace {

constexpr size_t kLineMost = 64;  // bytes of a line that its numbers are in

using sys::result_of;

// Is the mount in the mount namespace of the calling thread? The mount is held open, so its id is
// no other's meanwhile. Of kernels without statmount(2); mountinfo is that of this thread's
// namespace, as seen from its root.
int is_in_mountinfo(int self, uint64_t mount) {
  const Fd file(result_of(::openat(self, "../../thread-self/mountinfo", O_RDONLY | O_CLOEXEC)));
  if (file.Get() < 0) return file.Get();
  char text[4096];
  char line[kLineMost];
  size_t length = 0;
  for (;;) {
    const long got = ::read(file.Get(), text, sizeof text);
    if (got == -1 && errno == EINTR) continue;
    if (got == -1) return -errno;
    if (got == 0) return 0;
    for (long i = 0; i < got; i++) {
      if (text[i] == '\n') {
        length = 0;
      } else if (length + 1 < kLineMost) {
        line[length++] = text[i];
        line[length] = '\0';
        if (text[i] == ' ' && strchr(line, ' ') == line + length - 1 &&
            strtoull(line, nullptr, 10) == mount) {
          return 1;
        }
      }
    }
  }
}

uint64_t unique_mount(int directory) {
  struct statx found;
  const int done = result_of(::syscall(SYS_statx, directory, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                                       kernel::kUniqueMount, &found));
  return done < 0 || (found.stx_mask & kernel::kUniqueMount) == 0 ? 0 : mount_of(found);
}

// 1: it is in the mount namespace of the calling thread. 0: it is not. -errno: the kernel cannot
// say it, or may not (a seccomp filter).
int is_here(uint64_t unique) {
  if (unique == 0) return -ENOSYS;
  kernel::MountRequest request = {kernel::kMountRequestFirst, 0, unique, kernel::kMountBasic, 0};
  alignas(8) char answer[1024];
  const int done = result_of(::syscall(kernel::kStatmount, &request, answer, sizeof answer, 0));
  return done >= 0 ? 1 : done == -ENOENT ? 0 : done;
}

// unshare, setns, proof that the container's root is there, and root and working directory back to
// what they were.
int join(const Root& container) {
  const Fd root(result_of(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  if (root.Get() < 0) return root.Get();
  const Fd here(result_of(::open(".", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  sigset_t all;
  sigfillset(&all);
  ::sigprocmask(SIG_SETMASK, &all, nullptr);  // this thread's; as pthread_sigmask of glibc 2.32
  int done = sys::unshare(CLONE_FS);
  if (done >= 0) done = sys::setns(container.mounts(), kernel::kMnt);
  if (done < 0) return done;
  // What is below was reached from the root by openat2(2), through mounts of the root's namespace
  // alone; a mount goes from its namespace into none, and never into another.
  int there = is_here(unique_mount(container.fd()));
  if (there < 0) there = is_in_mountinfo(container.self(), container.mount());
  done = result_of(::fchdir(root.Get()));
  if (done >= 0) done = result_of(::chroot("."));
  if (done >= 0 && here.Get() >= 0) done = result_of(::fchdir(here.Get()));
  if (there < 0) done = there;
  if (there == 0) done = -ESTALE;
  return done == -EPERM ? -EIO : done;  // EPERM says that nothing has happened
}

}  // namespace

int Names::Join() {
  if (joined_ || looks_) return 0;
  const int done = join(root_);
  joined_ = done >= 0;
  looks_ = done == -EPERM;
  return looks_ || joined_ ? 0 : done;
}

int Names::Prepare(int directory) {
  const int done = Join();
  return done >= 0 && joined_ ? Prove(directory) : done;
}

int Names::Prove(int directory) {
  const uint64_t mount = unique_mount(directory);
  if (mount == 0 || mount == proved_) return 0;
  const int here = is_here(mount);
  if (here != 0) proved_ = mount;  // where it cannot be said: as the root, see join()
  return here == 0 ? -ESTALE : 0;
}

int Names::Look(int directory, const char* name) const {
  return !looks_ ? 0 : IsMountPoint(directory, name) == 1 ? -EBUSY : 0;
}

int Names::IsMountPoint(int directory, const char* name) {
  struct statx found;
  const int done = stat(directory, name, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, &found);
  if (done == -ENOENT) return 0;
  if (done < 0) return done;
  return (found.stx_attributes & kernel::kMountRoot) != 0 ? 1 : 0;
}

int Names::Unlink(int directory, const char* name, int flags) {
  int done = Prepare(directory);
  if (done < 0) return done;
  const Change change(root_, directory, work_);
  done = change.Refused();
  if (done >= 0) done = Look(directory, name);
  return done < 0 ? done : result_of(::unlinkat(directory, name, flags));
}

int Names::Rename(int from, const char* name, int to, const char* new_name, unsigned flags) {
  int done = Prepare(from);
  if (done >= 0 && to != from) done = Prepare(to);
  if (done < 0) return done;
  const Change here(root_, from, work_);
  const Change there(root_, to, work_);
  done = here.Refused() < 0 ? here.Refused() : there.Refused();
  if (done >= 0) done = Look(from, name);
  if (done >= 0) done = Look(to, new_name);
  return done < 0 ? done : result_of(::syscall(SYS_renameat2, from, name, to, new_name, flags));
}

}  // namespace root
