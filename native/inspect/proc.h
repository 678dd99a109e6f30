// Reads /proc: which processes there are, and what one of them is. A process is opened once, as a
// directory, and everything is read through that: it fails when the process is gone, and never
// tells of another that got its pid. Knows nothing of JavaScript.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "base/fd.h"
#include "inspect/limits.h"

namespace proc {

// The files in /proc/PID/ns; those for the children last. `flag`: CLONE_NEW*.
struct Link {
  const char* path;
  int flag;
};
constexpr int kTypes = 8;
constexpr int kLinks = 10;
extern const Link kNamespaceLinks[kLinks];
int index_of(int flag);  // in kNamespaceLinks, or -1

// The names in a directory that are numbers.
class Numbers {
 public:
  explicit Numbers(int directory) : directory_(directory) {}
  bool next();
  const char* name() const { return name_; }
  int number() const { return number_; }
  int error() const { return error_; }  // -errno that ended it, or 0

 private:
  const int directory_;
  const char* name_ = nullptr;
  int number_ = 0;
  int error_ = 0;
  long length_ = 0;
  long at_ = 0;
  alignas(8) char buffer_[32 << 10];
};

int open();  // /proc; -ENOSYS where that is not a proc file system
int open_process(int proc, int pid);
int open_list(int directory, const char* name);  // for Numbers
// Of a link to "net:[4026531840]" the number; -EINVAL where it does not begin with `kind`, -EACCES
// where the kernel says nothing.
int read_link(int directory, const char* name, uint64_t* inode, const char* kind = "");
// At most so many bytes; 1 where there are more.
int read_file(int directory, const char* name, size_t most, std::string* text);
int open_link(int directory, const char* path);  // one of kNamespaceLinks
// A namespace by its path, or by an O_PATH fd of it: touches nothing that is none (-EINVAL).
int open_namespace(int directory, const char* path);
int open_namespace(int found);
// Ours, as this /proc knows it; -errno where it does not.
int own_pid(int proc);
int list_pids(int proc, std::vector<int>* pids);

struct Process {
  int pid = 0;
  int ppid = 0;
  int64_t uid = -1;     // the effective one
  std::string command;  // the arguments joined by spaces; if it has none, its name
  std::string pids;     // in each pid namespace from that of /proc down to its own
};
// 0, or -errno where it is gone or may not be looked into. `careful`: without what can wait, which
// is the command line; its name is there then.
int read_process(int directory, int pid, limits::Left* left, bool careful, Process* process);

// An error that says that a process has ended, and one that says nothing of what was looked at.
bool is_gone(int error);
bool is_shortage(int error);

}  // namespace proc
