#include "root/root.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <sched.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>
#include <uv.h>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "base/result.h"

namespace root {
namespace {

constexpr int kAttempts = 128;  // a path whose directories are being renamed: EAGAIN
constexpr int kLinksMost = 40;  // as the kernel's

using sys::result_of;

// The root of a mount namespace has to be looked for from within. A thread that has left our root
// and cwd to the others may go there; it ends, and nothing of it stays.
struct Visit {
  int mounts;
  int root;
};

void visit(void* data) {
  auto* visit = static_cast<Visit*>(data);
  visit->root = sys::unshare(CLONE_FS);
  if (visit->root >= 0) visit->root = sys::setns(visit->mounts, kernel::kMnt);
  if (visit->root >= 0) visit->root = result_of(::open("/", O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int root_of(int mounts) {
  Visit there = {mounts, -1};
  uv_thread_t thread;
  const uv_thread_options_t small = {UV_THREAD_HAS_STACK_SIZE, 256 << 10};
  const int failed = uv_thread_create_ex(&thread, &small, visit, &there);
  if (failed != 0) return failed;
  uv_thread_join(&thread);
  return there.root;
}

}  // namespace

int resolve(int directory, const std::string& path, kernel::OpenHow how) {
  for (int attempt = 0;; attempt++) {
    const int fd =
        result_of(::syscall(kernel::kOpenat2, directory, path.c_str(), &how, sizeof how));
    if ((fd != -EAGAIN && fd != -EINTR) || attempt == kAttempts) return fd;
    ::sched_yield();
  }
}

int stat(int directory, const char* name, int flags, struct statx* found) {
  const unsigned mask = STATX_BASIC_STATS | STATX_BTIME | kernel::kMount;
  return result_of(::syscall(SYS_statx, directory, name, flags, mask, found));
}

// Of what is open, and without asking a file server that may not answer.
int identify(int directory, const char* name, int flags, Identity* identity) {
  struct statx found;
  const int failed = stat(directory, name, flags | AT_STATX_DONT_SYNC, &found);
  if (failed < 0) return failed;
  *identity = {makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino, mount_of(found)};
  return 0;
}

uint64_t mount_of(const struct statx& found) {
  uint64_t mount = 0;
  memcpy(&mount, reinterpret_cast<const char*>(&found) + kernel::kMountOffset, sizeof mount);
  return mount;
}

int Root::Open(int process, int root, int mounts) {
  resolve_ = kernel::kInRoot | kernel::kNoMagicLinks;
  process_.Reset(process);
  mounts_.Reset(mounts);
  root_.Reset(process < 0 ? root_of(mounts) : root);
  if (root_.Get() < 0) return root_.Take();
  self_.Reset(result_of(::open("/proc/self/fd", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  // Of any /proc, self is who asks; but it may be none at all.
  struct statfs system;
  if (self_.Get() < 0) return self_.Get() == -ENOENT ? -ENOSYS : self_.Get();
  if (::fstatfs(self_.Get(), &system) == -1) return -errno;
  if (static_cast<unsigned long>(system.f_type) != PROC_SUPER_MAGIC) return -ENOSYS;
  int failed = identify(root_.Get(), "", AT_EMPTY_PATH, &identity_);
  if (failed < 0) return failed;
  struct statx unique;
  if (::syscall(SYS_statx, root_.Get(), "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC,
                kernel::kUniqueMount, &unique) == 0 &&
      (unique.stx_mask & kernel::kUniqueMount) != 0 &&
      ::ioctl(mounts_.Get(), kernel::kGetMountsId, &namespace_) == 0) {
    unique_mount_ = mount_of(unique);
    if (Attached() != 0) unique_mount_ = 0;
  }
  return 0;
}

int Root::Within(const Root& whole, int directory) {
  root_.Reset(directory);
  const auto copied = [](const Fd& fd) {
    return fd.Get() < 0 ? -1 : result_of(::fcntl(fd.Get(), F_DUPFD_CLOEXEC, 0));
  };
  process_.Reset(copied(whole.process_));
  mounts_.Reset(copied(whole.mounts_));
  self_.Reset(copied(whole.self_));
  whole_.Reset(copied(whole.root_));
  if (whole_.Get() < 0) return -EMFILE;
  if (mounts_.Get() < 0 || self_.Get() < 0) return -EMFILE;
  if (whole.process_.Get() >= 0 && process_.Get() < 0) return -EMFILE;
  users = whole.users;
  groups = whole.groups;
  identity_ = whole.identity_;
  unique_mount_ = whole.unique_mount_;
  namespace_ = whole.namespace_;
  resolve_ = kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMagicLinks;
  return 0;
}

// 0, or -errno: ENOENT if it has been unmounted.
int Root::Attached() const {
  kernel::MountRequest request = {sizeof request, 0, unique_mount_, kernel::kMountBasic,
                                  namespace_};
  alignas(8) char answer[1024];
  return result_of(::syscall(kernel::kStatmount, &request, answer, sizeof answer, 0));
}

int Root::Check() const {
  if (process_.Get() >= 0) {
    Identity now;
    const int failed = identify(process_.Get(), "root", 0, &now);
    // The directory of a process that has ended is empty, the links of a zombie lead nowhere.
    if (failed == -ENOENT || failed == -ESRCH) return -ESRCH;
    if (failed < 0) return failed;
    if (now != identity_) return -ESTALE;
  }
  return unique_mount_ != 0 && Attached() == -ENOENT ? -ESTALE : 0;
}

int Root::Resolve(const std::string& path, uint64_t flags, uint64_t mode) const {
  return resolve(root_.Get(), path, {flags | O_CLOEXEC, mode, resolve_});
}

int Root::ResolveFromTop(const std::string& path, uint64_t flags) const {
  return resolve(top(), path, {flags | O_CLOEXEC, 0, kernel::kInRoot | kernel::kNoMagicLinks});
}

int Root::Parent(const std::string& path, std::string* name) const {
  std::string directory;
  split(path, &directory, name);
  if (path.empty()) return -ENOENT;
  return Resolve(directory, O_PATH | O_DIRECTORY);
}

int Root::Reopen(int fd, int flags) const {
  char name[16];
  snprintf(name, sizeof name, "%d", fd);
  return result_of(
      ::openat(self_.Get(), name, (flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW)) | O_CLOEXEC));
}

int Root::FollowLast(std::string* path) const {
  for (int links = 0; links <= kLinksMost; links++) {
    std::string target;
    const int length = Readlink(*path, &target);
    if (length == -EINVAL || length == -ENOENT) return 0;  // no link
    if (length < 0) return length;
    std::string directory;
    std::string name;
    split(*path, &directory, &name);
    if (target[0] != '/') directory.append("/");
    *path = target[0] == '/' ? target : directory.append(target);
    if (path->size() >= PATH_MAX) return -ENAMETOOLONG;
  }
  return -ELOOP;
}

int Root::Readlink(const std::string& path, std::string* target) const {
  const Fd link(Resolve(path, O_PATH | O_NOFOLLOW));
  if (link.Get() < 0) return link.Get();
  char text[PATH_MAX];
  const int length = result_of(::readlinkat(link.Get(), "", text, sizeof text));
  if (length == -ENOENT) return -EINVAL;  // what is no link, and has no name here
  if (length >= 0) target->assign(text, static_cast<size_t>(length));
  return length;
}

// The kernel's own word for where a file is, from its namespace's root on; then from this root on.
int Root::Realpath(const std::string& path, std::string* real) const {
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    const Fd file(Resolve(path, O_PATH));
    if (file.Get() < 0) return file.Get();
    std::string names[2];
    for (int i = 0; i < 2; i++) {
      char name[16];
      char text[PATH_MAX];
      snprintf(name, sizeof name, "%d", i == 0 ? root_.Get() : file.Get());
      const int length = result_of(::readlinkat(self_.Get(), name, text, sizeof text));
      if (length < 0) return length;
      names[i].assign(text, static_cast<size_t>(length));
    }
    if (names[0] == "/") names[0].clear();
    if (names[1].compare(0, names[0].size(), names[0]) != 0) return -ENOENT;
    *real = names[1].substr(names[0].size());
    if (real->empty()) real->assign(1, '/');
    if ((*real)[0] != '/') return -ENOENT;
    // Moved or removed meanwhile, it is another one that has this name.
    const Fd again(Resolve(*real, O_PATH | O_NOFOLLOW));
    Identity one;
    Identity other;
    if (again.Get() >= 0 && identify(file.Get(), "", AT_EMPTY_PATH, &one) == 0 &&
        identify(again.Get(), "", AT_EMPTY_PATH, &other) == 0 && one == other) {
      return 0;
    }
  }
  return -ENOENT;
}

bool Root::Knows(const struct statx& found) const {
  return users.Has(found.stx_uid) && groups.Has(found.stx_gid);
}

void split(const std::string& path, std::string* directory, std::string* name) {
  const size_t end = path.find_last_not_of('/');
  const size_t slash = end == std::string::npos ? std::string::npos : path.rfind('/', end);
  if (end == std::string::npos) {
    directory->assign(1, '/');
    name->clear();
  } else {
    const size_t start = slash == std::string::npos ? 0 : slash + 1;
    directory->assign(start == 0 ? std::string(1, '.') : path.substr(0, start));
    name->assign(path.substr(start));
  }
}

bool is_special(unsigned mode) {
  return S_ISFIFO(mode) || S_ISCHR(mode) || S_ISBLK(mode) || S_ISSOCK(mode);
}

std::string temporary_name() {
  uint64_t number = 0;
  if (::getrandom(&number, sizeof number, 0) != sizeof number)
    number = static_cast<uint64_t>(sys::gettid());
  char name[32];
  snprintf(name, sizeof name, ".%016llx.tmp", static_cast<unsigned long long>(number));
  return name;
}

}  // namespace root
