#include "containers/state_files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <fnmatch.h>
#include <linux/magic.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "base/fd.h"
#include "base/result.h"

namespace state {
namespace {

constexpr int kPassRights = 83;  // SO_PASSRIGHTS, include/uapi/asm-generic/socket.h

using sys::result_of;

int look(int fd, struct statx* seen) {
  constexpr unsigned wanted = STATX_TYPE | STATX_UID;
  return result_of(::syscall(SYS_statx, fd, "", AT_EMPTY_PATH, wanted, seen));
}

int check(int fd, int64_t owner, mode_t kind) {
  struct statx seen;
  const int failed = look(fd, &seen);
  if (failed < 0) return failed;
  if (S_ISLNK(seen.stx_mode)) return -ELOOP;
  if ((seen.stx_mode & S_IFMT) != kind) return kind == S_IFDIR ? -ENOTDIR : -EINVAL;
  return owner < 0 || seen.stx_uid == owner || seen.stx_uid == 0 ? 0 : -EPERM;
}

// An O_PATH descriptor: touches nothing. Name by name, as openat2(2) with RESOLVE_NO_SYMLINKS and
// RESOLVE_BENEATH would, which is not there before Linux 5.6.
int find(const Location& location) {
  constexpr int flags = O_PATH | O_CLOEXEC;
  int fd = result_of(::open(location.base.c_str(), flags | (location.owner < 0 ? O_NOFOLLOW : 0)));
  struct statx seen;
  if (fd >= 0 && location.owner >= 0 && (look(fd, &seen) < 0 || seen.stx_uid != location.owner)) {
    ::close(fd);
    return -EPERM;
  }
  for (size_t at = 0; fd >= 0 && at < location.path.size();) {
    const size_t end = std::min(location.path.find('/', at), location.path.size());
    const std::string name = location.path.substr(at, end - at);
    at = end + 1;
    if (name.empty()) continue;
    int next = name == ".." ? -EXDEV : check(fd, location.owner, S_IFDIR);
    if (next == 0) next = result_of(::openat(fd, name.c_str(), flags | O_NOFOLLOW));
    ::close(fd);
    fd = next;
  }
  return fd;
}

// A link in a container that is looked into may lead there, to what is lost once it has been read
// (/proc/kmsg).
int refuse_proc(int fd) {
  struct statfs system;
  if (::fstatfs(fd, &system) == -1) return -errno;
  return static_cast<unsigned long>(system.f_type) == PROC_SUPER_MAGIC ? -EINVAL : 0;
}

// What was found, by its name among our own files: opening that follows no link.
int open_found(int found, int flags) {
  char path[48];
  snprintf(path, sizeof path, "/proc/thread-self/fd/%d", found);
  return result_of(::open(path, flags | O_CLOEXEC));
}

int connect_found(int socket, const Location& location, int found) {
  struct sockaddr_un address = {};
  address.sun_family = AF_UNIX;
  snprintf(address.sun_path, sizeof address.sun_path, "/proc/thread-self/fd/%d", found);
  const int failed =
      result_of(::connect(socket, reinterpret_cast<struct sockaddr*>(&address), sizeof address));
  if (failed < 0 || location.owner < 0) return failed;
  struct ucred peer = {};
  socklen_t size = sizeof peer;
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &peer, &size) == -1) return -errno;
  return peer.uid == location.owner ? 0 : -EPERM;
}

int list(const Location& location, size_t most, std::vector<std::string>* names,
         const char** step) {
  *step = "open";
  int directory = -1;
  if (location.owner < 0) {
    directory = result_of(::open(location.base.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  } else {
    const sys::Fd found(find(location));
    if (!found.IsOpen()) return found.Get();
    const int wrong = check(found.Get(), location.owner, S_IFDIR);
    if (wrong < 0) return wrong;
    directory = open_found(found.Get(), O_RDONLY | O_DIRECTORY);
  }
  if (directory < 0) return directory;
  DIR* const opened = ::fdopendir(directory);
  if (opened == nullptr) {
    const int failed = -errno;
    ::close(directory);
    return failed;
  }
  *step = "getdents";
  bool more = false;
  for (const dirent* entry; errno = 0, (entry = ::readdir(opened)) != nullptr;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    more = names->size() == most;
    if (more) break;
    names->push_back(entry->d_name);
  }
  const int failed = more ? -EFBIG : -errno;
  ::closedir(opened);
  return failed;
}

Location below(const Location& location, const std::string& path) {
  if (location.owner < 0) return {location.base + "/" + path, "", location.owner};
  return {location.base, location.path + "/" + path, location.owner};
}

}  // namespace

int read(const Location& location, size_t most, std::string* text, const char** step) {
  *step = "open";
  const sys::Fd found(find(location));
  if (!found.IsOpen()) return found.Get();
  int wrong = check(found.Get(), location.owner, S_IFREG);
  if (wrong == 0) wrong = refuse_proc(found.Get());
  if (wrong < 0) return wrong;
  const sys::Fd file(open_found(found.Get(), O_RDONLY | O_NONBLOCK));
  if (!file.IsOpen()) return file.Get();
  *step = "read";
  char buffer[16 << 10];
  for (;;) {
    const long length = ::read(file.Get(), buffer, sizeof buffer);
    if (length == -1 && errno == EINTR) continue;
    if (length == -1) return -errno;
    if (length == 0) return 0;
    if (static_cast<size_t>(length) > most - text->size()) return -EFBIG;
    text->append(buffer, static_cast<size_t>(length));
  }
}

int names(const Location& location, const std::string& levels, size_t most,
          std::vector<Directory>* found, const char** step, std::vector<Failure>* failures) {
  found->push_back({"", {}});
  const int failed = list(location, most, &found->back().names, step);
  for (size_t at = 0; at < levels.size();) {
    const size_t end = std::min(levels.find('/', at), levels.size());
    const std::string pattern = levels.substr(at, end - at);
    at = end + 1;
    std::vector<Directory> above;
    above.swap(*found);
    size_t left = most;
    for (const Directory& directory : above) {
      for (const std::string& name : directory.names) {
        if (::fnmatch(pattern.c_str(), name.c_str(), 0) != 0) continue;
        found->push_back({directory.path.empty() ? name : directory.path + "/" + name, {}});
        Directory* const inner = &found->back();
        const char* call = "open";
        const int error = list(below(location, inner->path), left, &inner->names, &call);
        left -= inner->names.size();
        if (error != 0 && error != -ENOENT && error != -ENOTDIR) {
          failures->push_back({inner->path, error, call});
        }
        if (error == -EFBIG) return failed;
      }
    }
  }
  return failed;
}

int depth(const std::string& json) {
  int now = 0, most = 0;
  bool quoted = false;
  for (size_t i = 0; i < json.size(); i++) {
    if (json[i] == '"') {
      quoted = !quoted;
    } else if (quoted) {
      i += json[i] == '\\' ? 1 : 0;
    } else if (json[i] == '[' || json[i] == '{') {
      most = std::max(most, ++now);
    } else if (json[i] == ']' || json[i] == '}') {
      now--;
    }
  }
  return most;
}

int connect(const Location& location, bool trusted, const char** step) {
  *step = "connect";
  const sys::Fd found(location.owner < 0
                          ? result_of(::open(location.base.c_str(), O_PATH | O_CLOEXEC))
                          : find(location));
  if (!found.IsOpen()) return found.Get();
  const int wrong = check(found.Get(), location.owner, S_IFSOCK);
  if (wrong < 0) return wrong;
  const int socket = result_of(::socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0));
  if (socket < 0) return socket;
  const int off = 0;
  int failed = result_of(::setsockopt(socket, SOL_SOCKET, kPassRights, &off, sizeof off));
  if (failed == -ENOPROTOOPT) failed = trusted ? 0 : -EOPNOTSUPP;
  if (failed == 0) failed = connect_found(socket, location, found.Get());
  if (failed == 0) return socket;
  ::close(socket);
  return failed;
}

}  // namespace state
