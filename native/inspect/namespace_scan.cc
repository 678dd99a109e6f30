#include "inspect/namespace_scan.h"

#include <errno.h>
#include <linux/netlink.h>
#include <stdio.h>
#include <uv.h>

#include <algorithm>
#include <utility>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "base/outside.h"
#include "inspect/netlink.h"

namespace scan {
namespace {

constexpr unsigned kThreads = 4;  // more would not wait for the kernel's locks, but hold them

struct Work : public crew::Work {
  Work(std::vector<int> all, const Options& asked)
      : crew::Work(std::move(all)), options(asked), left(asked.limits) {}
  crew::Part* part() override { return new Scanner(options, own, pids, &left); }
  void take(crew::Part* part) override {
    auto* scanner = static_cast<Scanner*>(part);
    table.merge(&scanner->table);
    unreadable += scanner->unreadable;
  }

  const Options options;
  OwnNetwork own;
  limits::Left left;
  Table table;
  int unreadable = 0;
};

}  // namespace

Scanner::Scanner(const Options& options, const OwnNetwork& own, const std::vector<int>& pids,
                 limits::Left* left)
    : options_(options),
      own_(own),
      pids_(pids),
      left_(left),
      own_proc_(sys::is_own_proc() == 1),
      proc_(proc::open()),
      own_pid_(proc_.IsOpen() ? proc::own_pid(proc_.Get()) : -1),
      netlink_(NETLINK_ROUTE) {}

int Scanner::begin() {
  if (!proc_.IsOpen()) return proc_.Get();
  step = netlink_.step();
  if (proc::is_shortage(netlink_.error())) return netlink_.error();
  step = "readlink";
  const int failed = proc::read_link(proc_.Get(), "thread-self/ns/mnt", &own_mounts_);
  return proc::is_shortage(failed) ? failed : 0;
}

void Scanner::missed(int error, const char* failed) {
  if (proc::is_gone(error)) return;
  missing_ = true;
  if (!proc::is_shortage(error) || shortage_ < 0) return;
  shortage_ = error;
  step = failed;
}

int Scanner::learn_link(int directory, const char* path) {
  const sys::Fd file(proc::open_link(directory, path));
  return file.IsOpen() ? table.learn(file.Get(), &netlink_) : file.Get();
}

// The namespace in which a process was found. Of ours the main thread may be elsewhere, in a
// callback: what leads back is open then.
int Scanner::learn_of(int directory, int pid, int index, uint64_t inode) {
  const outside::Outside known = outside::look();
  for (int i = 0; i < outside::kTypes && pid == own_pid_ && known.away; i++) {
    if (known.flags[i] != proc::kNamespaceLinks[index].flag || known.inodes[i] != inode) continue;
    char path[24];
    snprintf(path, sizeof path, "fd/%d", known.fds[i]);
    const int row = learn_file(directory, path);
    if (row >= 0 && table.rows[row].inode == inode) return row;
  }
  return learn_link(directory, proc::kNamespaceLinks[index].path);
}

int Scanner::learn_file(int directory, const char* path) {
  const sys::Fd file(proc::open_namespace(directory, path));
  return file.IsOpen() ? table.learn(file.Get(), &netlink_) : file.Get();
}

int Scanner::look(size_t index, crew::Care care) {
  const int pid = pids_[index];
  missing_ = care != crew::kWhole;
  if (index == 0 && care == crew::kWhole) read_own_mounts();
  if (care != crew::kNot) {
    const sys::Fd directory(proc::open_process(proc_.Get(), pid));
    uint64_t inodes[proc::kTypes] = {};
    if (!directory.IsOpen()) missed(directory.Get(), "open");
    if (directory.IsOpen() && read_links(directory.Get(), pid, inodes) &&
        count(directory.Get(), pid, care != crew::kWhole, inodes) && options_.holders &&
        care == crew::kWhole) {
      look_for_holders(directory.Get(), pid, inodes);
    }
  }
  if (missing_) unreadable++;
  return shortage_;
}

// A process that is ending has lost most of its namespaces: what is left then is user and pid, and
// what was read just before does not count any more.
bool Scanner::read_links(int directory, int pid, uint64_t* inodes) {
  // Those of any type may be mounted in a mount namespace that is not asked for.
  const int types = options_.types | (options_.holders ? kernel::kMnt : 0);
  bool ending = false;
  const outside::Outside before = outside::look();
  for (int i = 0; i < proc::kTypes; i++) {
    const proc::Link& link = proc::kNamespaceLinks[i];
    if ((types & link.flag) == 0) continue;
    const int failed = proc::read_link(directory, link.path, &inodes[i]);
    if (failed < 0 && !proc::is_gone(failed)) {
      missed(failed, "readlink");
      return false;
    }
    ending = ending || failed < 0;
  }
  if (pid == own_pid_) {
    const outside::Outside after = outside::look();
    for (int i = 0; i < proc::kTypes; i++) {
      const uint64_t inode = outside::instead(before, after, proc::kNamespaceLinks[i].flag);
      if (inodes[i] != 0 && inode != 0) inodes[i] = inode;
    }
  }
  for (int i = 0; i < proc::kTypes && ending; i++) {
    if ((proc::kNamespaceLinks[i].flag & (kernel::kUser | kernel::kPid)) == 0) inodes[i] = 0;
  }
  return true;
}

// All of it or nothing: a row never has a process of which nothing can be said.
bool Scanner::count(int directory, int pid, bool careful, uint64_t* inodes) {
  int rows[proc::kTypes];
  bool first = false;
  for (int i = 0; i < proc::kTypes; i++) {
    rows[i] = inodes[i] == 0 ? -1 : table.find(inodes[i]);
    if (inodes[i] == 0 || (rows[i] >= 0 && table.rows[rows[i]].known)) continue;
    rows[i] = learn_of(directory, pid, i, inodes[i]);
    if (rows[i] < 0) {
      missed(rows[i], "open");
      return false;
    }
    const bool moved = table.rows[rows[i]].inode != inodes[i];
    if (moved && pid == own_pid_) rows[i] = -1;  // into a callback: never where it does not live
    inodes[i] = rows[i] < 0 ? 0 : table.rows[rows[i]].inode;
  }
  for (const int row : rows) first = first || (row >= 0 && table.rows[row].processes == 0);
  proc::Process process;
  const int failed = first ? proc::read_process(directory, pid, left_, careful, &process) : 0;
  if (failed < 0) {
    missed(failed, "read");
    return false;
  }
  for (const int row : rows) {
    if (row >= 0 && table.rows[row].processes++ == 0) table.rows[row].first = process;
  }
  return true;
}

int run(const Options& options, Result* result) {
  std::vector<int> pids;
  {
    const sys::Fd proc(proc::open());
    result->step = "open";
    if (!proc.IsOpen()) return proc.Get();
    result->step = "getdents64";
    const int failed = proc::list_pids(proc.Get(), &pids);
    if (failed < 0) return failed;
  }
  auto* work = new Work(std::move(pids), options);
  result->step = "socket";
  int failed = options.holders && (options.types & kernel::kNet) != 0
                   ? read_own_network(options.limits.network, &work->own)
                   : 0;
  if (failed == 0) {
    const unsigned threads = std::min(uv_available_parallelism(), kThreads);
    failed = crew::run(work, threads, options.limits.timeout, &result->step);
  }
  if (failed == 0) {
    work->table.drop_unfounded();
    work->table.sort();
    result->namespaces = std::move(work->table.rows);
    result->unreadable = work->unreadable;
  }
  crew::release(work);
  return failed;
}

}  // namespace scan
