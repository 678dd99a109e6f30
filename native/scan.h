// Looks at every process for namespaces: those that it is in, those that it holds, and what these
// lead to. On threads of its own, with file descriptors of their own: what it opens is seen by
// nobody, itself included. Knows nothing of JavaScript.
#pragma once
#include <vector>

#include "proc.h"
#include "table.h"

namespace scan {

struct Options {
  int types;     // CLONE_NEW* flags
  bool holders;  // look for fds, sockets, threads, children's and others' mounts as well
};

struct Result {
  std::vector<Namespace> namespaces;  // by inode
  int unreadable = 0;                 // processes that may not be looked into
  const char* step = "";              // the system call that failed
};

int run(const Options& options, Result* result);  // 0 or -errno

// The network namespace of this thread with its sockets, by one question: most sockets of a machine
// are in it, and to ask each where it is takes five system calls.
struct Home {
  uint64_t network = 0;
  std::vector<uint64_t> sockets;  // inodes, sorted; some kinds are not among them
};
void read_home(Home* home);

// The parts, for the files of this room.
class Scanner {
 public:
  Scanner(const Options& options, const Home& home, int proc);
  void look(int pid);
  void read_own_mounts();  // of the thread that calls it

  Table table;
  int unreadable = 0;

 private:
  int learn_link(int directory, const char* path);
  int learn_file(int directory, const char* path);
  bool read_links(int directory, uint64_t* inodes);
  void count(int directory, int pid, uint64_t* inodes);
  void look_for_holders(int directory, int pid, const uint64_t* inodes);  // holders.cc and below
  void look_into_files(int directory, int pid, const uint64_t* inodes);
  int network_of(int pidfd, int fd);
  void look_into_threads(int directory, int pid, const uint64_t* inodes);
  void found(int row, Holder holder, const uint64_t* inodes);
  void read_mounts(int directory, uint64_t inside);

  const Options options_;
  const Home& home_;
  const int proc_;
  const bool own_proc_;  // pids are what /proc says they are
  const proc::File netlink_;
  uint64_t own_mounts_ = 0;
  std::vector<uint64_t> mounts_read_;  // sorted
};

}  // namespace scan
