// Looks at every process for namespaces: those that it is in, those that it holds, and what these
// lead to. On threads of its own, with file descriptors of their own: what it opens is seen by
// nobody, itself included. What may not be looked into, or not as a whole, is counted; what could
// not be for lack of descriptors or memory is an error. Knows nothing of JavaScript.
#pragma once
#include <vector>

#include "inspect/limits.h"
#include "inspect/namespace_table.h"
#include "inspect/netlink.h"
#include "inspect/proc.h"
#include "inspect/scan_threads.h"

namespace scan {

struct Options {
  int types;     // CLONE_NEW* flags
  bool holders;  // look for fds, sockets, threads, children's and others' mounts as well
  limits::Limits limits;
};

struct Result {
  std::vector<Namespace> namespaces;  // by inode
  int unreadable = 0;                 // processes that may not be looked into, or not as a whole
  const char* step = "";              // the system call that failed
};

int run(const Options& options, Result* result);  // 0 or -errno

// The network namespace of this thread with its sockets, by one question: most sockets of a machine
// are in it, and to ask each where it is takes five system calls.
struct OwnNetwork {
  uint64_t network = 0;
  std::vector<uint64_t> sockets;  // inodes, sorted; some kinds are not among them
};
int read_own_network(const netlink::Limits& limits, OwnNetwork* own);

// The parts, for the other namespace_*.cc.
class Scanner : public crew::Part {
 public:
  Scanner(const Options& options, const OwnNetwork& own, const std::vector<int>& pids,
          limits::Left* left);
  int begin() override;
  int look(size_t index, crew::Care care) override;

  Table table;
  int unreadable = 0;

 private:
  int learn_link(int directory, const char* path);
  int learn_file(int directory, const char* path);
  bool read_links(int directory, int pid, uint64_t* inodes);
  int learn_of(int directory, int pid, int index, uint64_t inode);
  bool count(int directory, int pid, bool careful, uint64_t* inodes);
  // What went wrong with the process that is looked at.
  void missed(int error, const char* step);
  void read_own_mounts();
  void look_for_holders(int directory, int pid, const uint64_t* inodes);  // holders.cc and below
  void look_into_files(int directory, int pid, const uint64_t* inodes);
  int network_of(int pidfd, int fd);
  void look_into_threads(int directory, int pid, const uint64_t* inodes);
  void found(int row, Holder holder, const uint64_t* inodes);
  void read_mounts(int directory, uint64_t inside);

  const Options& options_;
  const OwnNetwork& own_;
  const std::vector<int>& pids_;
  limits::Left* const left_;
  const bool own_proc_;  // pids are what /proc says they are
  const sys::Fd proc_;
  const int own_pid_;
  netlink::Socket netlink_;
  int shortage_ = 0;
  bool missing_ = false;
  uint64_t own_mounts_ = 0;
  std::vector<uint64_t> mounts_read_;  // sorted
};

}  // namespace scan
