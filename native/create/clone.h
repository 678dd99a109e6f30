// clone3(2) as such: a program as a child in new namespaces, without the launcher between. Where
// there is no clone3 (a filter, before Linux 5.3), clone(2).
#pragma once
#include <cstdint>

namespace clone_call {

struct Program {
  uint64_t types;  // CLONE_NEW*
  const char* file;
  char* const* argv;
  char* const* envp;
  // results
  int pid;
  int pidfd;
  const char* step;  // the system call that failed
};

int run(Program* program);  // 0, or -errno with no process left behind

}  // namespace clone_call
