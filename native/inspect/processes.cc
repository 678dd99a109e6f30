#include "inspect/processes.h"

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

#include "base/outside.h"

namespace processes {
namespace {

// Bytes: of cgroup there is a line for each hierarchy, with a path.
constexpr size_t kStatMost = 4096;
constexpr size_t kCgroupMost = 64 << 10;

double milliseconds(clockid_t clock) {
  struct timespec time = {};
  ::clock_gettime(clock, &time);
  return time.tv_sec * 1e3 + time.tv_nsec / 1e6;
}

// proc_pid_stat(5), field 22, in ticks since the machine started. The name in it may hold anything,
// its ')' is the last one. By the clock of a time namespace of ours, what was before that began is
// at the end of the 64 bits of nanoseconds.
double start_of(const std::string& stat, double boot) {
  const size_t name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  size_t at = stat.find(' ', name_end);
  for (int field = 3; field < 22 && at != std::string::npos; field++) at = stat.find(' ', at + 1);
  if (at == std::string::npos) return 0;
  const double age = atof(stat.c_str() + at) * 1e3 / static_cast<double>(::sysconf(_SC_CLK_TCK));
  constexpr double all = 0x1p64 / 1e6;
  return boot + (age < all / 2 ? age : age - all);
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

class Reader : public crew::Part {
 public:
  Reader(const std::vector<int>& pids, limits::Left* left) : pids_(pids), left_(left) {}

  int begin() override { return proc_.IsOpen() ? 0 : proc_.Get(); }

  int look(size_t index, crew::Care care) override {
    Row row = {};
    const int failed = care == crew::kNot ? -EAGAIN : read(pids_[index], care, &row);
    if (proc::is_shortage(failed)) return failed;
    if (failed >= 0) rows.push_back(std::move(row));
    if (failed != 0 && !proc::is_gone(failed)) unreadable++;
    return 0;
  }

  std::vector<Row> rows;
  int unreadable = 0;

 private:
  // 1 where it could be read in part.
  int read(int pid, crew::Care care, Row* row) {
    const sys::Fd directory(proc::open_process(proc_.Get(), pid));
    if (!directory.IsOpen()) return directory.Get();
    step = "read";
    const bool careful = care != crew::kWhole;
    std::string text;
    int failed = proc::read_file(directory.Get(), "stat", kStatMost, &text);
    if (failed < 0) return failed;
    row->start = start_of(text, boot_);
    bool partly = careful;
    failed = proc::read_file(directory.Get(), "cgroup", kCgroupMost, &text);
    if (proc::is_shortage(failed)) return failed;
    if (failed == 0) row->cgroup = cgroup_of(text);
    if (row->cgroup.size() > left_->text()) row->cgroup.clear();
    left_->use_text(row->cgroup.size());
    const outside::Outside before = outside::look();
    for (int i = 0; i < proc::kTypes; i++) {
      row->namespaces[i] = 0;
      failed = proc::read_link(directory.Get(), proc::kNamespaceLinks[i].path, &row->namespaces[i]);
      if (proc::is_shortage(failed)) return failed;
      if (failed < 0 && !proc::is_gone(failed)) partly = true;
    }
    if (pid == own_pid_) correct(before, row);
    failed = proc::read_process(directory.Get(), pid, left_, careful, &row->process);
    return failed < 0 ? failed : partly ? 1 : 0;
  }

  // A callback may have the main thread elsewhere.
  static void correct(const outside::Outside& before, Row* row) {
    const outside::Outside after = outside::look();
    for (int i = 0; i < proc::kTypes; i++) {
      const uint64_t inode = outside::instead(before, after, proc::kNamespaceLinks[i].flag);
      if (inode != 0) row->namespaces[i] = inode;
    }
  }

  const std::vector<int>& pids_;
  limits::Left* const left_;
  const sys::Fd proc_{proc::open()};
  const int own_pid_ = proc_.IsOpen() ? proc::own_pid(proc_.Get()) : -1;
  const double boot_ = milliseconds(CLOCK_REALTIME) - milliseconds(CLOCK_BOOTTIME);
};

struct Reading : public crew::Work {
  Reading(std::vector<int> all, const limits::Limits& limits)
      : crew::Work(std::move(all)), left(limits) {}
  crew::Part* part() override { return new Reader(pids, &left); }
  void take(crew::Part* part) override {
    auto* reader = static_cast<Reader*>(part);
    for (Row& row : reader->rows) rows.push_back(std::move(row));
    unreadable += reader->unreadable;
  }

  limits::Left left;
  std::vector<Row> rows;
  int unreadable = 0;
};

class OwnerReader : public crew::Part {
 public:
  OwnerReader(const std::vector<int>& pids, limits::Left* left) : pids_(pids), left_(left) {}

  int begin() override { return proc_.IsOpen() ? 0 : proc_.Get(); }

  int look(size_t index, crew::Care care) override {
    const int failed = care == crew::kNot ? -EAGAIN : read(pids_[index]);
    if (failed < 0 && !proc::is_gone(failed)) unreadable++;
    return proc::is_shortage(failed) ? failed : 0;
  }

  std::vector<Owner> owners;
  int unreadable = 0;

 private:
  int read(int pid) {
    char path[24];
    snprintf(path, sizeof path, "%d/fd", pid);
    const sys::Fd files(proc::open_list(proc_.Get(), path));
    if (!files.IsOpen()) return files.Get();
    int missed = 0;
    proc::Numbers fds(files.Get());
    while (fds.next()) {
      if (!left_->use_file()) return -EFBIG;
      uint64_t inode = 0;
      const int failed = proc::read_link(files.Get(), fds.name(), &inode, "socket:[");
      if (failed < 0 && failed != -EINVAL && !proc::is_gone(failed)) missed = failed;
      if (failed < 0) continue;
      if (!left_->use_found()) return -EFBIG;
      owners.push_back({inode, pid, fds.number()});
    }
    return missed < 0 ? missed : fds.error();
  }

  const std::vector<int>& pids_;
  limits::Left* const left_;
  const sys::Fd proc_{proc::open()};
};

struct OwnerReading : public crew::Work {
  OwnerReading(std::vector<int> all, const limits::Limits& limits)
      : crew::Work(std::move(all)), left(limits) {}
  crew::Part* part() override { return new OwnerReader(pids, &left); }
  void take(crew::Part* part) override {
    auto* reader = static_cast<OwnerReader*>(part);
    owners.insert(owners.end(), reader->owners.begin(), reader->owners.end());
    unreadable += reader->unreadable;
  }

  limits::Left left;
  std::vector<Owner> owners;
  int unreadable = 0;
};

int all_pids(std::vector<int>* pids, const char** step) {
  const sys::Fd proc(proc::open());
  *step = "open";
  if (!proc.IsOpen()) return proc.Get();
  *step = "getdents64";
  return proc::list_pids(proc.Get(), pids);
}

}  // namespace

int list(std::vector<int> pids, const limits::Limits& limits, std::vector<Row>* rows,
         int* unreadable, const char** step) {
  int failed = pids.empty() ? all_pids(&pids, step) : 0;
  if (failed < 0) return failed;
  auto* work = new Reading(std::move(pids), limits);
  failed = crew::run(work, 1, limits.timeout, step);
  if (failed == 0) *rows = std::move(work->rows);
  *unreadable = work->unreadable;
  crew::release(work);
  return failed;
}

int list_socket_owners(const limits::Limits& limits, std::vector<Owner>* owners, int* unreadable,
                       const char** step) {
  std::vector<int> pids;
  int failed = all_pids(&pids, step);
  if (failed < 0) return failed;
  auto* work = new OwnerReading(std::move(pids), limits);
  failed = crew::run(work, 1, limits.timeout, step);
  if (failed == 0) *owners = std::move(work->owners);
  *unreadable = work->unreadable;
  crew::release(work);
  return failed;
}

}  // namespace processes
