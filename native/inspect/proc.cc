#include "inspect/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <algorithm>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "base/result.h"

namespace proc {
namespace {

// What getdents64(2) fills in.
struct Entry {
  uint64_t inode;
  int64_t offset;
  unsigned short length;
  unsigned char type;
  char name[];
};

// Bytes: a process may be in 65,536 groups, each eleven digits wide; in as many cgroups as there
// are hierarchies of version 1.
constexpr size_t kStatusMost = 1 << 20;

using sys::result_of;

// signal(7): a file system may be interrupted while it opens a file.
int open_at(int directory, const char* path, int flags) {
  int opened;
  do {
    opened = result_of(::openat(directory, path, flags | O_CLOEXEC));
  } while (opened == -EINTR);
  return opened;
}

// "Uid:\t1000\t1000...": what follows the name of a line of /proc/PID/status.
const char* line_of(const std::string& status, const char* name) {
  const size_t found = status.find(name);
  return found == std::string::npos ? "" : status.c_str() + found + strlen(name);
}

std::string rest_of_line(const char* text) {
  while (*text == ' ' || *text == '\t') text++;
  return std::string(text, strcspn(text, "\n"));
}

// The name of a program may hold anything: status(5) writes a newline as \n and a backslash as \\.
std::string unescaped(const std::string& name) {
  std::string plain;
  for (size_t i = 0; i < name.size(); i++) {
    const bool escape = name[i] == '\\' && i + 1 < name.size();
    if (escape) i++;
    plain += escape && name[i] == 'n' ? '\n' : name[i];
  }
  return plain;
}

}  // namespace

const Link kNamespaceLinks[kLinks] = {
    {"ns/cgroup", kernel::kCgroup},
    {"ns/ipc", kernel::kIpc},
    {"ns/mnt", kernel::kMnt},
    {"ns/net", kernel::kNet},
    {"ns/pid", kernel::kPid},
    {"ns/time", kernel::kTime},
    {"ns/user", kernel::kUser},
    {"ns/uts", kernel::kUts},
    {"ns/pid_for_children", kernel::kPid},
    {"ns/time_for_children", kernel::kTime},
};

int index_of(int flag) {
  for (int i = 0; i < kTypes; i++) {
    if (kNamespaceLinks[i].flag == flag) return i;
  }
  return -1;
}

bool Numbers::next() {
  for (;;) {
    if (at_ >= length_) {
      do {
        length_ = ::syscall(SYS_getdents64, directory_, buffer_, sizeof buffer_);
      } while (length_ == -1 && errno == EINTR);
      error_ = length_ == -1 ? -errno : 0;
      at_ = 0;
      if (length_ <= 0) return false;
    }
    const auto* entry = reinterpret_cast<const Entry*>(buffer_ + at_);
    at_ += entry->length;
    if (entry->name[0] < '0' || entry->name[0] > '9') continue;
    name_ = entry->name;
    number_ = atoi(name_);
    return true;
  }
}

int open() {
  const int proc = open_at(AT_FDCWD, "/proc", O_RDONLY | O_DIRECTORY);
  struct statfs system;
  if (proc < 0) return proc;
  const int failed = result_of(::fstatfs(proc, &system));
  if (failed == 0 && system.f_type == PROC_SUPER_MAGIC) return proc;
  ::close(proc);
  return failed < 0 ? failed : -ENOSYS;
}

int open_process(int proc, int pid) {
  char name[16];
  snprintf(name, sizeof name, "%d", pid);
  return open_at(proc, name, O_PATH | O_DIRECTORY);
}

int own_pid(int proc) {
  char text[16];
  const long length = ::readlinkat(proc, "self", text, sizeof text - 1);
  if (length == -1) return -errno;
  text[length] = '\0';
  return atoi(text);
}

int open_list(int directory, const char* name) {
  return open_at(directory, name, O_RDONLY | O_DIRECTORY);
}

int read_link(int directory, const char* name, uint64_t* inode, const char* kind) {
  char text[64];
  const long length = ::readlinkat(directory, name, text, sizeof text - 1);
  if (length == -1) return -errno;
  if (length == 0) return -EACCES;  // so says Linux 5.10 that it may not be read
  text[length] = '\0';
  const char* bracket = strchr(text, '[');
  if (bracket == nullptr || strncmp(text, kind, strlen(kind)) != 0) return -EINVAL;
  *inode = strtoull(bracket + 1, nullptr, 10);
  return 0;
}

int read_file(int directory, const char* name, size_t most, std::string* text) {
  text->clear();
  const sys::Fd file(open_at(directory, name, O_RDONLY));
  if (!file.IsOpen()) return file.Get();
  char buffer[4096];
  for (;;) {
    const size_t left = most - text->size();
    const size_t size = left < sizeof buffer ? left + 1 : sizeof buffer;  // is there one more?
    const long length = ::read(file.Get(), buffer, size);
    if (length == -1 && errno == EINTR) continue;
    if (length == -1) return -errno;
    if (length == 0) return 0;
    text->append(buffer, std::min(static_cast<size_t>(length), left));
    if (static_cast<size_t>(length) > left) return 1;
  }
}

int open_link(int directory, const char* path) { return open_at(directory, path, O_RDONLY); }

int open_namespace(int directory, const char* path) {
  const sys::Fd found(open_at(directory, path, O_PATH));
  return found.IsOpen() ? open_namespace(found.Get()) : found.Get();
}

// Not through /proc/self: that has the files of the first thread.
int open_namespace(int found) {
  struct statfs system;
  if (::fstatfs(found, &system) == -1) return -errno;
  if (static_cast<unsigned long>(system.f_type) != NSFS_MAGIC) return -EINVAL;
  char again[48];
  snprintf(again, sizeof again, "/proc/thread-self/fd/%d", found);
  return open_at(AT_FDCWD, again, O_RDONLY);
}

int list_pids(int proc, std::vector<int>* pids) {
  Numbers numbers(proc);
  while (numbers.next()) pids->push_back(numbers.number());
  if (numbers.error() < 0) return numbers.error();
  return pids->empty() ? -ENOENT : 0;
}

bool is_gone(int error) { return error == -ENOENT || error == -ESRCH; }

bool is_shortage(int error) {
  return error == -EMFILE || error == -ENFILE || error == -ENOMEM || error == -ENOBUFS;
}

int read_process(int directory, int pid, limits::Left* left, bool careful, Process* process) {
  std::string status;
  int failed = read_file(directory, "status", kStatusMost, &status);
  if (failed < 0) return failed;
  // A program may change its name, not put a line of its own into this: newlines are escaped.
  process->pid = pid;
  process->ppid = atoi(line_of(status, "\nPPid:"));
  int64_t real = -1;
  if (sscanf(line_of(status, "\nUid:"), "%ld %ld", &real, &process->uid) != 2) return -ESRCH;
  process->pids = rest_of_line(line_of(status, "\nNSpid:"));
  std::string& command = process->command;
  failed = careful ? 0 : read_file(directory, "cmdline", left->text(), &command);
  if (is_gone(failed) || is_shortage(failed)) return failed;
  while (!command.empty() && command.back() == '\0') command.pop_back();
  for (char& byte : command) {
    if (byte == '\0') byte = ' ';
  }
  if (command.empty()) command = unescaped(rest_of_line(line_of(status, "Name:")));
  left->use_text(command.size());
  return 0;
}

}  // namespace proc
