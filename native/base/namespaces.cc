#include "base/namespaces.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <net/if.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <string>

#include "base/kernel.h"
#include "base/result.h"

namespace sys {
namespace {

bool is_not_shown(int error) {
  return error == -ENOENT || error == -ESRCH || error == -EACCES || error == -EPERM;
}

struct Stat {
  char state = 0;
  unsigned long flags = 0;
};

// "pid (comm) state ppid pgrp session tty tpgid flags": comm may hold anything, its ')' is the
// last.
int read_stat(int id, Stat* stat) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", id);
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file == -1) return -errno;
  char text[512];
  const long length = ::read(file, text, sizeof text - 1);
  const int error = length == -1 ? -errno : 0;
  ::close(file);
  if (error < 0) return error;
  text[length] = '\0';
  const char* rest = strrchr(text, ')');
  if (rest != nullptr) sscanf(rest + 1, " %c %*d %*d %*d %*d %*d %lu", &stat->state, &stat->flags);
  return 0;
}

}  // namespace

int pidfd_open(int pid, unsigned flags) { return result_of(::syscall(SYS_pidfd_open, pid, flags)); }

int pidfd_namespace(int pidfd, int type) {
  const unsigned long request = kernel::pidfd_request(type);
  return request == 0 ? -EINVAL : result_of(::ioctl(pidfd, request, 0));
}

int pidfd_children_namespace(int pidfd, int type) {
  const unsigned long request = type == kernel::kPid    ? kernel::kGetPidForChildren
                                : type == kernel::kTime ? kernel::kGetTimeForChildren
                                                        : 0;
  return request == 0 ? -EINVAL : result_of(::ioctl(pidfd, request, 0));
}

int open_directory(const char* path) {
  return result_of(::open(path, O_PATH | O_DIRECTORY | O_CLOEXEC));
}

int open_namespace_at(int directory, const char* name) {
  char path[64];
  snprintf(path, sizeof path, "ns/%s", name);
  return result_of(::openat(directory, path, O_RDONLY | O_CLOEXEC));
}

// O_PATH first: opening a FIFO or a device for reading could block or do something.
int open_namespace(const char* path) {
  const int file = result_of(::open(path, O_PATH | O_CLOEXEC));
  if (file < 0) return file;
  struct statfs system;
  int opened = -EINVAL;
  if (::fstatfs(file, &system) == -1) {
    opened = -errno;
  } else if (static_cast<unsigned long>(system.f_type) == NSFS_MAGIC) {
    char again[32];
    snprintf(again, sizeof again, "/proc/self/fd/%d", file);
    opened = result_of(::open(again, O_RDONLY | O_CLOEXEC));
  }
  ::close(file);
  return opened;
}

int open_for_writing(const char* path) { return result_of(::open(path, O_WRONLY | O_CLOEXEC)); }

// What is in a process group that we can see is none: those of the kernel are all in that of the
// idle task, which has no number (0, as a group of another pid namespace; getpgid(2)). Nor is what
// has memory (proc_pid_statm(5)): that is answered at once, which `exe` and `stat` are not while a
// process executes a program (killable_read.h), and then it has memory. Of what is gone, or may
// not be looked into, nothing is said: whoever opens it hears of that.
int is_kernel_thread(int pid) {
  if (::getpgid(pid) > 0) return 0;
  char path[32];
  char size[2] = {};
  snprintf(path, sizeof path, "/proc/%d/statm", pid);
  const int file = ::open(path, O_RDONLY | O_CLOEXEC);
  if (file == -1) return is_not_shown(-errno) ? 0 : -errno;
  const int length = result_of(::read(file, size, sizeof size));
  ::close(file);
  if (length < 0) return is_not_shown(length) ? 0 : length;
  if (size[0] != '0' || size[1] != ' ') return 0;
  Stat stat;
  const int error = read_stat(pid, &stat);
  if (error < 0) return is_not_shown(error) ? 0 : error;
  return (stat.flags & kernel::kKernelThread) != 0;
}

int get_state(int id) {
  Stat stat;
  const int error = read_stat(id, &stat);
  return error < 0 ? error : stat.state;
}

// /proc may have been mounted in another pid namespace than ours; then its numbers are not our
// pids, although our own may be the same in both by chance: "NSpid:" has it once for each namespace
// from that of /proc down to ours (proc_pid_status(5)).
int is_own_proc() {
  char buffer[4096];
  long length = ::readlink("/proc/self", buffer, sizeof buffer - 1);
  if (length <= 0) return length == 0 || is_not_shown(-errno) ? 0 : -errno;
  buffer[length] = '\0';
  if (atoi(buffer) != ::getpid()) return 0;
  const int status = ::open("/proc/self/status", O_RDONLY | O_CLOEXEC);
  if (status == -1) return is_not_shown(-errno) ? 0 : -errno;
  std::string text;
  while ((length = ::read(status, buffer, sizeof buffer)) > 0) text.append(buffer, length);
  const int error = length == -1 ? -errno : 0;
  ::close(status);
  if (error < 0) return error;
  const char name[] = "\nNSpid:\t";
  const size_t pids = text.find(name);
  if (pids == std::string::npos) return 1;  // a kernel without pid namespaces
  return text.find_first_of("\t\n", pids + strlen(name)) == text.find('\n', pids + 1);
}

int pipe(int ends[2]) { return result_of(::pipe2(ends, O_CLOEXEC)); }

int unread(int fd) {
  int bytes = 0;
  const int done = result_of(::ioctl(fd, FIONREAD, &bytes));
  return done < 0 ? done : bytes;
}

int close(int fd) { return result_of(::close(fd)); }
int dup(int fd) { return result_of(::fcntl(fd, F_DUPFD_CLOEXEC, 3)); }
int gettid() { return static_cast<int>(::syscall(SYS_gettid)); }

// With mnt and another type in one call the kernel copies the fs_struct, so that it does not see
// that it is shared, and then moves root and cwd of EVERY thread of this process (kernel/nsproxy.c,
// prepare_nsset and commit_nsset). Alone, mnt is refused by the kernel itself.
int setns(int fd, int type) {
  if ((type & kernel::kMnt) != 0 && type != kernel::kMnt) return -EINVAL;
  return result_of(::syscall(SYS_setns, fd, type));
}

int unshare(int types) { return result_of(::syscall(SYS_unshare, types)); }

int get_type(int fd) { return result_of(::ioctl(fd, kernel::kGetType)); }
int get_parent(int fd) { return result_of(::ioctl(fd, kernel::kGetParent)); }
int get_owner(int fd) { return result_of(::ioctl(fd, kernel::kGetOwner)); }
int get_owner_uid(int fd, uint32_t* uid) {
  return result_of(::ioctl(fd, kernel::kGetOwnerUid, uid));
}
int get_id(int fd, uint64_t* id) { return result_of(::ioctl(fd, kernel::kGetId, id)); }

int get_inode(int fd, uint64_t* inode, uint64_t* device) {
  struct statx stat;
  const int failed =
      result_of(::syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_INO, &stat));
  if (failed < 0) return failed;
  *inode = stat.stx_ino;
  *device = makedev(stat.stx_dev_major, stat.stx_dev_minor);
  return 0;
}

int set_hostname(const char* name, int length) {
  return result_of(::syscall(SYS_sethostname, name, length));
}

int set_domainname(const char* name, int length) {
  return result_of(::syscall(SYS_setdomainname, name, length));
}

int bring_loopback_up() {
  const int control = result_of(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  if (control < 0) return control;
  struct ifreq request = {};
  strcpy(request.ifr_name, "lo");
  int done = result_of(::ioctl(control, SIOCGIFFLAGS, &request));
  if (done >= 0) {
    request.ifr_flags |= IFF_UP;
    done = result_of(::ioctl(control, SIOCSIFFLAGS, &request));
  }
  ::close(control);
  return done;
}

void die(const char* last_words) {
  const std::string line = std::string(last_words) + "\n";
  write_all(2, line.c_str(), static_cast<int>(line.size()));
  abort();
}

int write_all(int fd, const char* text, int length) {
  for (int written = 0; written < length;) {
    const long more = ::write(fd, text + written, length - written);
    if (more > 0) written += static_cast<int>(more);
    if (more != -1 || errno == EINTR) continue;
    // Somebody slow reads a pipe that does not block: they have a second.
    struct pollfd writable = {fd, POLLOUT, 0};
    if (errno != EAGAIN || ::poll(&writable, 1, 1000) <= 0) return -EAGAIN;
  }
  return length;
}

}  // namespace sys
