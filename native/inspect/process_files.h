// What files and links of processes in /proc say, of each process through one directory: what was
// read is of one process. Knows nothing of JavaScript.
#pragma once
#include <string>
#include <vector>

#include "inspect/limits.h"

namespace process_files {

struct Text {
  int error;  // -errno; -ETIMEDOUT of a process that keeps its readers waiting
  std::string text;
};

// For each of `pids`, in their order, one of each of `names`: of a link where it leads, of a file
// its first bytes. One name is of no file: `owners`, the uids of whose its user namespace is, and
// those above are, with a space behind each.
int read(std::vector<int> pids, const std::vector<std::string>& names, const limits::Limits& limits,
         std::vector<std::vector<Text>>* texts, const char** step);

}  // namespace process_files
