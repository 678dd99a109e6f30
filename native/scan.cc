#include "scan.h"

#include <errno.h>
#include <linux/netlink.h>
#include <uv.h>

#include <algorithm>
#include <atomic>
#include <utility>

#include "kernel.h"
#include "netlink.h"
#include "sys.h"

namespace scan {
namespace {

constexpr int kChunk = 64;        // processes that a thread takes at once
constexpr unsigned kThreads = 4;  // more would not wait for the kernel's locks, but hold them

bool forbidden(int error) { return error == -EACCES || error == -EPERM; }

struct Work {
  const Options* options;
  Home home;
  uv_mutex_t mutex;
  std::atomic<size_t> next{0};
  std::vector<int> pids;
  Table table;
  int unreadable = 0;
};

// One of the threads. Each opens its own /proc: its file descriptors are not those of the others.
void take_part(void* data) {
  auto* work = static_cast<Work*>(data);
  proc::part_files();
  const proc::File proc(proc::open());
  if (!proc.open()) return;
  Scanner scanner(*work->options, work->home, proc.fd());
  for (;;) {
    const size_t begin = work->next.fetch_add(kChunk);
    if (begin >= work->pids.size()) break;
    if (begin == 0) scanner.read_own_mounts();
    const size_t end = std::min(begin + kChunk, work->pids.size());
    for (size_t i = begin; i < end; i++) scanner.look(work->pids[i]);
  }
  uv_mutex_lock(&work->mutex);
  work->table.merge(&scanner.table);
  work->unreadable += scanner.unreadable;
  uv_mutex_unlock(&work->mutex);
}

}  // namespace

Scanner::Scanner(const Options& options, const Home& home, int proc)
    : options_(options),
      home_(home),
      proc_(proc),
      own_proc_(sys::is_own_proc() == 1),
      netlink_(netlink::open(NETLINK_ROUTE)) {
  proc::read_link(proc, "thread-self/ns/mnt", &own_mounts_);
}

int Scanner::learn_link(int directory, const char* path) {
  const proc::File file(proc::open_link(directory, path));
  return file.open() ? table.learn(file.fd(), netlink_.fd()) : file.fd();
}

int Scanner::learn_file(int directory, const char* path) {
  const proc::File file(proc::open_namespace(directory, path));
  return file.open() ? table.learn(file.fd(), netlink_.fd()) : file.fd();
}

void Scanner::look(int pid) {
  const proc::File directory(proc::open_process(proc_, pid));
  uint64_t inodes[proc::kTypes] = {};
  if (forbidden(directory.fd())) unreadable++;
  if (!directory.open() || !read_links(directory.fd(), inodes)) return;
  count(directory.fd(), pid, inodes);
  if (options_.holders) look_for_holders(directory.fd(), pid, inodes);
}

// A process that is ending has lost most of its namespaces: what is left then is user and pid, and
// what was read just before does not count any more.
bool Scanner::read_links(int directory, uint64_t* inodes) {
  // Those of any type may be mounted in a mount namespace that is not asked for.
  const int types = options_.types | (options_.holders ? kernel::kMnt : 0);
  bool ending = false;
  for (int i = 0; i < proc::kTypes; i++) {
    const proc::Link& link = proc::kNamespaceLinks[i];
    if ((types & link.flag) == 0) continue;
    const int failed = proc::read_link(directory, link.path, &inodes[i]);
    if (forbidden(failed)) {
      unreadable++;
      return false;
    }
    ending = ending || failed < 0;
  }
  for (int i = 0; i < proc::kTypes && ending; i++) {
    if ((proc::kNamespaceLinks[i].flag & (kernel::kUser | kernel::kPid)) == 0) inodes[i] = 0;
  }
  return true;
}

// All of it or nothing: a row never has a process of which nothing can be said.
void Scanner::count(int directory, int pid, uint64_t* inodes) {
  int rows[proc::kTypes];
  bool first = false;
  for (int i = 0; i < proc::kTypes; i++) {
    rows[i] = inodes[i] == 0 ? -1 : table.find(inodes[i]);
    if (inodes[i] == 0 || (rows[i] >= 0 && table.rows[rows[i]].known)) continue;
    rows[i] = learn_link(directory, proc::kNamespaceLinks[i].path);
    if (rows[i] < 0) return;
    inodes[i] = table.rows[rows[i]].inode;  // it may have moved meanwhile
  }
  for (const int row : rows) first = first || (row >= 0 && table.rows[row].processes == 0);
  proc::Process process;
  if (first && proc::read_process(directory, pid, &process) < 0) return;
  for (const int row : rows) {
    if (row >= 0 && table.rows[row].processes++ == 0) table.rows[row].first = process;
  }
}

int run(const Options& options, Result* result) {
  Work work;
  work.options = &options;
  {
    const proc::File proc(proc::open());
    result->step = "open";
    if (!proc.open()) return proc.fd();
    result->step = "getdents64";
    if (!proc::list_pids(proc.fd(), &work.pids)) return -ENOENT;
  }
  if (options.holders && (options.types & kernel::kNet) != 0) read_home(&work.home);
  const size_t wanted = std::min<size_t>(work.pids.size() / (4 * kChunk) + 1,
                                         std::min(uv_available_parallelism(), kThreads));
  uv_mutex_init(&work.mutex);
  uv_thread_options_t options_of_thread = {UV_THREAD_HAS_STACK_SIZE, 1 << 20};
  std::vector<uv_thread_t> threads(wanted);
  int failed = 0;
  size_t started = 0;
  while (started < wanted && failed == 0) {
    failed = uv_thread_create_ex(&threads[started], &options_of_thread, take_part, &work);
    if (failed == 0) started++;
  }
  for (size_t i = 0; i < started; i++) uv_thread_join(&threads[i]);
  uv_mutex_destroy(&work.mutex);
  result->step = "clone";
  if (started == 0) return failed;
  work.table.drop_unfounded();
  work.table.sort();
  result->namespaces = std::move(work.table.rows);
  result->unreadable = work.unreadable;
  return 0;
}

}  // namespace scan
