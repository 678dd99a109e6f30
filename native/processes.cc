#include "processes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <utility>

namespace processes {
namespace {

double milliseconds(clockid_t clock) {
  struct timespec time = {};
  ::clock_gettime(clock, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

// proc_pid_stat(5), field 22, in ticks since the machine started. The name in it may hold anything,
// its ')' is the last one.
double start_of(const std::string& stat, double boot) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  const char* at = stat.c_str() + name_end + 1;
  for (int field = 3; field < 22 && at != nullptr; field++) at = strchr(at + 1, ' ');
  if (at == nullptr) return 0;
  return boot + atof(at) * 1e3 / static_cast<double>(::sysconf(_SC_CLK_TCK));
}

std::string rest_of_line(const std::string& text, const char* start) {
  const size_t at = text.find(start);
  if (at == std::string::npos) return {};
  const size_t begin = at + strlen(start);
  return text.substr(begin, text.find('\n', begin) - begin);
}

// cgroups(7): that of version 2, or where that is not in use the one that systemd keeps.
std::string cgroup_of(const std::string& text) {
  const std::string unified = rest_of_line("\n" + text, "\n0::");
  const std::string named = rest_of_line(text, ":name=systemd:");
  return unified.size() > 1 || named.empty() ? unified : named;
}

bool read(int proc, int pid, double boot, Row* row) {
  const proc::File directory(proc::open_process(proc, pid));
  if (!directory.open() || proc::read_process(directory.fd(), pid, &row->process) < 0) return false;
  std::string text;
  if (proc::read_file(directory.fd(), "stat", &text) < 0) return false;
  row->start = start_of(text, boot);
  if (proc::read_file(directory.fd(), "cgroup", &text) == 0) row->cgroup = cgroup_of(text);
  for (int i = 0; i < proc::kTypes; i++) {
    row->namespaces[i] = 0;
    proc::read_link(directory.fd(), proc::kNamespaceLinks[i].path, &row->namespaces[i]);
  }
  return true;
}

}  // namespace

int list(const std::vector<int>& pids, std::vector<Row>* rows, const char** step) {
  const proc::File proc(proc::open());
  *step = "open";
  if (!proc.open()) return proc.fd();
  std::vector<int> all;
  *step = "getdents64";
  if (pids.empty() && !proc::list_pids(proc.fd(), &all)) return -ENOENT;
  const double boot = milliseconds(CLOCK_REALTIME) - milliseconds(CLOCK_BOOTTIME);
  for (const int pid : pids.empty() ? all : pids) {
    Row row = {};
    if (read(proc.fd(), pid, boot, &row)) rows->push_back(std::move(row));
  }
  return 0;
}

int list_socket_owners(std::vector<Owner>* owners, const char** step) {
  const proc::File proc(proc::open());
  *step = "open";
  if (!proc.open()) return proc.fd();
  proc::Numbers pids(proc.fd());
  while (pids.next()) {
    char path[24];
    snprintf(path, sizeof path, "%d/fd", pids.number());
    const proc::File files(proc::open_list(proc.fd(), path));
    if (!files.open()) continue;
    proc::Numbers fds(files.fd());
    while (fds.next()) {
      uint64_t inode = 0;
      if (proc::read_link(files.fd(), fds.name(), &inode, "socket:[") == 0) {
        owners->push_back({inode, pids.number(), fds.number()});
      }
    }
  }
  return 0;
}

}  // namespace processes
