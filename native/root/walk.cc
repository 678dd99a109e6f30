#include "root/walk.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace root {
namespace {

constexpr size_t kOpenMost = 32;
constexpr size_t kEntries = 32 << 10;

// linux/dirent.h: what getdents64(2) writes.
struct Raw {
  uint64_t inode;
  int64_t next;
  uint16_t length;
  uint8_t type;
  char name[1];
};

}  // namespace

int open_directory_at(int directory, const char* name) {
  const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC;
  const int fd = ::openat(directory, name, flags);
  return fd == -1 ? -errno : fd;
}

int Walk::Push(int fd, const std::string& name) {
  if (fd < 0) return fd;
  Level level;
  level.name = name;
  level.fd.Reset(fd);
  const int failed = identify(fd, "", AT_EMPTY_PATH, &level.identity);
  if (failed < 0) return failed;
  if (levels_.size() >= kOpenMost) {
    Level& far = levels_[levels_.size() - kOpenMost];
    far.fd.Reset();
    far.entries.reset();
    far.at = far.length = 0;
  }
  levels_.push_back(std::move(level));
  return 0;
}

int Walk::Next(Entry* entry) {
  Level& level = levels_.back();
  for (;;) {
    if (level.at == level.length) {
      if (level.entries == nullptr) level.entries.reset(new char[kEntries]);
      const long more = ::syscall(SYS_getdents64, level.fd.Get(), level.entries.get(), kEntries);
      // Removed meanwhile, the directory has nothing more in it: to getdents64(2) it is not there.
      if (more == 0 || (more == -1 && errno == ENOENT)) return 0;
      if (more == -1) return -errno;
      level.at = 0;
      level.length = static_cast<size_t>(more);
    }
    const auto* raw = reinterpret_cast<const Raw*>(level.entries.get() + level.at);
    level.at += raw->length;
    level.next = raw->next;
    if (strcmp(raw->name, ".") == 0 || strcmp(raw->name, "..") == 0) continue;
    *entry = {raw->name, raw->type};
    return 1;
  }
}

void Walk::Rewind() {
  Level& level = levels_.back();
  level.at = level.length = 0;
  level.next = 0;
  ::lseek(level.fd.Get(), 0, SEEK_SET);
}

int Walk::Pop() {
  if (levels_.size() > 1) {
    Level& above = levels_[levels_.size() - 2];
    if (above.fd.Get() < 0) {
      above.fd.Reset(open_directory_at(Top(), ".."));
      if (above.fd.Get() < 0) return above.fd.Get();
      Identity now;
      const int failed = identify(above.fd.Get(), "", AT_EMPTY_PATH, &now);
      if (failed < 0) return failed;
      if (now != above.identity) return -ESTALE;  // somebody moved us out of where we were
      if (!rereads_ && ::lseek(above.fd.Get(), above.next, SEEK_SET) == -1) return -errno;
    }
  }
  levels_.pop_back();
  return 0;
}

std::string Walk::PathTo(const std::string& name) const {
  std::string path;
  for (size_t i = 1; i < levels_.size(); i++) path += levels_[i].name + "/";
  return path + name;
}

}  // namespace root
