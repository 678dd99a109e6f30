// Processes as they are shown in a tree, and who has which socket open. Knows nothing of
// JavaScript.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "inspect/limits.h"
#include "inspect/proc.h"
#include "inspect/scan_threads.h"

namespace processes {

struct Row {
  proc::Process process;
  double start;  // milliseconds since 1970
  std::string cgroup;
  uint64_t namespaces[proc::kTypes];  // inodes in the order of proc::kNamespaceLinks, 0: unreadable
};

// Those of `pids`, or all if there are none. Those that are gone are left out; those that may not
// be looked into, or not as a whole, are counted.
int list(std::vector<int> pids, const limits::Limits& limits, std::vector<Row>* rows,
         int* unreadable, const char** step);

struct Owner {
  uint64_t socket;  // inode
  int pid;
  int fd;
};
int list_socket_owners(const limits::Limits& limits, std::vector<Owner>* owners, int* unreadable,
                       const char** step);

}  // namespace processes
