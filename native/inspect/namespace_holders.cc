// What keeps a namespace alive besides the processes in it: open fds, sockets, threads that went
// elsewhere, a place for children to come, and mounts.
#include <errno.h>
#include <fcntl.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/openat2.h>
#include <linux/sock_diag.h>
#include <linux/unix_diag.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "base/result.h"
#include "inspect/namespace_scan.h"
#include "inspect/netlink.h"
#include "inspect/netlink_messages.h"

namespace scan {
namespace {

using sys::result_of;

// Without asking a file server: what is wanted are the kernel's own files.
bool look_at(int directory, const char* name, struct statx* seen) {
  constexpr int flags = AT_STATX_DONT_SYNC | AT_NO_AUTOMOUNT;
  return ::syscall(SYS_statx, directory, name, flags, STATX_TYPE | STATX_INO | STATX_NLINK, seen) ==
         0;
}

// proc_pid_mountinfo(5): space, tab, newline and backslash are written in octal.
std::string unescaped(const std::string& field) {
  std::string plain;
  for (size_t i = 0; i < field.size(); i++) {
    if (field[i] == '\\' && i + 3 < field.size()) {
      plain += static_cast<char>((field[i + 1] - '0') * 64 + (field[i + 2] - '0') * 8 +
                                 (field[i + 3] - '0'));
      i += 3;
    } else {
      plain += field[i];
    }
  }
  return plain;
}

// "net:[4026532177]"
bool parse_name(const std::string& name, int* type, uint64_t* inode) {
  const size_t colon = name.find(":[");
  if (colon == std::string::npos) return false;
  const std::string path = "ns/" + name.substr(0, colon);
  for (int i = 0; i < proc::kTypes; i++) {
    if (path != proc::kNamespaceLinks[i].path) continue;
    *type = proc::kNamespaceLinks[i].flag;
    *inode = strtoull(name.c_str() + colon + 2, nullptr, 10);
    return true;
  }
  return false;
}

// A path as those see it whose root `directory` is; no link in it leads out. Linux 5.6.
int open_in_root(int directory, const char* path) {
  const sys::Fd root(result_of(::openat(directory, "root", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  if (!root.IsOpen()) return root.Get();
  struct open_how how = {};
  how.flags = O_PATH | O_CLOEXEC;
  how.resolve = RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS;
  return result_of(::syscall(437 /* SYS_openat2 */, root.Get(), path, &how, sizeof how));
}

// Requests of sock_diag(7): a header, and the family's own struct.
template <class Body>
netlink::Request ask(const Body& body) {
  struct {
    struct nlmsghdr header;
    Body body;
  } message = {};
  message.header.nlmsg_len = sizeof message;
  message.header.nlmsg_type = SOCK_DIAG_BY_FAMILY;
  message.header.nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
  message.body = body;
  const auto* bytes = reinterpret_cast<const uint8_t*>(&message);
  return {NETLINK_SOCK_DIAG, {bytes, bytes + sizeof message}, {}};
}

// The inode in each message of an answer; 0 for a socket that nobody has open.
template <class Message, uint32_t Message::*inode>
void take_inodes(const netlink::Request& request, std::vector<uint64_t>* inodes) {
  netlink::Messages messages(request.answer.data(), request.answer.size());
  netlink::Message message;
  Message body;
  while (messages.next(&message)) {
    if (!netlink::field(message, 0, &body, sizeof body)) continue;
    if (body.*inode != 0) inodes->push_back(body.*inode);
  }
}

}  // namespace

// Where the kernel does not answer, each socket is asked.
int read_own_network(const netlink::Limits& limits, OwnNetwork* own) {
  const int unknown = proc::read_link(AT_FDCWD, "/proc/thread-self/ns/net", &own->network);
  if (unknown < 0) return proc::is_shortage(unknown) ? unknown : 0;
  const char* step = "";
  for (const uint8_t family : {AF_INET, AF_INET6}) {
    for (const uint8_t protocol : {IPPROTO_TCP, IPPROTO_UDP}) {
      struct inet_diag_req_v2 body = {};
      body.sdiag_family = family;
      body.sdiag_protocol = protocol;
      // Of those, a busy server has thousands, and nobody has them open.
      body.idiag_states = ~(1U << TCP_TIME_WAIT);
      std::vector<netlink::Request> requests = {ask(body)};
      const int failed = netlink::dump(-1, &requests, limits, &step);
      if (proc::is_shortage(failed)) return failed;
      if (failed < 0) continue;
      take_inodes<struct inet_diag_msg, &inet_diag_msg::idiag_inode>(requests[0], &own->sockets);
    }
  }
  struct unix_diag_req body = {};
  body.sdiag_family = AF_UNIX;
  body.udiag_states = ~0U;
  std::vector<netlink::Request> requests = {ask(body)};
  const int failed = netlink::dump(-1, &requests, limits, &step);
  if (proc::is_shortage(failed)) return failed;
  if (failed == 0) {
    take_inodes<struct unix_diag_msg, &unix_diag_msg::udiag_ino>(requests[0], &own->sockets);
  }
  std::sort(own->sockets.begin(), own->sockets.end());
  return 0;
}

void Scanner::look_for_holders(int directory, int pid, const uint64_t* inodes) {
  for (int i = proc::kTypes; i < proc::kLinks; i++) {
    const proc::Link& link = proc::kNamespaceLinks[i];
    const uint64_t own = inodes[proc::index_of(link.flag)];
    uint64_t inode = 0;
    if ((options_.types & link.flag) == 0 || own == 0) continue;
    const int failed = proc::read_link(directory, link.path, &inode);
    if (failed < 0) missed(failed, "readlink");
    if (failed < 0 || inode == own) continue;
    const int row = table.find(inode);
    found(row >= 0 ? row : learn_link(directory, link.path), {kChildren, pid, 0}, inodes);
  }
  look_into_files(directory, pid, inodes);
  look_into_threads(directory, pid, inodes);
  const uint64_t inside = inodes[proc::index_of(kernel::kMnt)];
  if (inside != 0 && inside != own_mounts_) read_mounts(directory, inside);
}

// A namespace that the process is not in itself.
void Scanner::found(int row, Holder holder, const uint64_t* inodes) {
  if (row < 0) return missed(row, "open");
  const Namespace& held = table.rows[row];
  if ((options_.types & held.type) == 0) return;
  if (inodes[proc::index_of(held.type)] == held.inode) return;
  if (table.held(row, holder) && !left_->use_found()) {
    table.rows[row].holders.pop_back();
    missing_ = true;
  }
}

void Scanner::look_into_files(int directory, int pid, const uint64_t* inodes) {
  const sys::Fd files(proc::open_list(directory, "fd"));
  if (!files.IsOpen()) return missed(files.Get(), "open");
  int pidfd = -1;
  proc::Numbers numbers(files.Get());
  while (numbers.next()) {
    struct statx seen;
    if (!left_->use_file()) {
      missing_ = true;
      break;
    }
    if (!look_at(files.Get(), numbers.name(), &seen)) {
      missed(-errno, "statx");
      continue;
    }
    if (S_ISSOCK(seen.stx_mode)) {
      if (!own_proc_ || (options_.types & kernel::kNet) == 0) continue;
      const std::vector<uint64_t>& sockets = own_.sockets;
      const bool at_home = std::binary_search(sockets.begin(), sockets.end(), seen.stx_ino);
      int row = at_home ? table.find(own_.network) : -1;
      if (row < 0 && pidfd == -1) pidfd = sys::pidfd_open(pid, 0);
      if (row < 0) row = network_of(pidfd, numbers.number());
      if (row < 0 && !proc::is_shortage(row)) continue;  // without the rights it is not said
      found(row, {kSocket, pid, numbers.number()}, inodes);
    } else if (makedev(seen.stx_dev_major, seen.stx_dev_minor) == table.device) {
      int row = table.find(seen.stx_ino);
      if (row < 0 || !table.rows[row].known) row = learn_file(files.Get(), numbers.name());
      found(row, {kFd, pid, numbers.number()}, inodes);
    }
  }
  if (numbers.error() < 0) missed(numbers.error(), "getdents64");
  if (pidfd >= 0) sys::close(pidfd);
}

int Scanner::network_of(int pidfd, int fd) {
  const sys::Fd copy(result_of(::syscall(kernel::kPidfdGetfd, pidfd, fd, 0)));
  if (!copy.IsOpen()) return copy.Get();
  const sys::Fd network(result_of(::ioctl(copy.Get(), kernel::kSocketNetwork)));
  return network.IsOpen() ? table.learn(network.Get(), &netlink_) : network.Get();
}

// Threads can be in other namespaces than their process, but for user, pid and time.
void Scanner::look_into_threads(int directory, int pid, const uint64_t* inodes) {
  struct statx seen;
  if (!look_at(directory, "task", &seen) || seen.stx_nlink <= 3) return;  // ".", ".." and one
  const sys::Fd tasks(proc::open_list(directory, "task"));
  if (!tasks.IsOpen()) return missed(tasks.Get(), "open");
  proc::Numbers numbers(tasks.Get());
  while (numbers.next()) {
    if (numbers.number() == pid) continue;
    const sys::Fd task(proc::open_process(tasks.Get(), numbers.number()));
    if (!task.IsOpen()) missed(task.Get(), "open");
    for (int i = 0; i < proc::kLinks && task.IsOpen(); i++) {
      const proc::Link& link = proc::kNamespaceLinks[i];
      const bool shared =
          i < proc::kTypes && (link.flag & (kernel::kUser | kernel::kPid | kernel::kTime)) != 0;
      uint64_t inode = 0;
      if (shared || (options_.types & link.flag) == 0) continue;
      const int failed = proc::read_link(task.Get(), link.path, &inode);
      if (failed < 0) missed(failed, "readlink");
      if (failed < 0) continue;
      if (inode == inodes[proc::index_of(link.flag)]) continue;
      int row = table.find(inode);
      if (row < 0 || !table.rows[row].known) row = learn_link(task.Get(), link.path);
      found(row, {kThread, pid, numbers.number()}, inodes);
    }
  }
}

void Scanner::read_own_mounts() {
  const sys::Fd self(proc::open_list(proc_.Get(), "thread-self"));
  if (self.IsOpen() && own_mounts_ != 0) read_mounts(self.Get(), own_mounts_);
}

void Scanner::read_mounts(int directory, uint64_t inside) {
  const auto known = std::lower_bound(mounts_read_.begin(), mounts_read_.end(), inside);
  if (known != mounts_read_.end() && *known == inside) return;
  mounts_read_.insert(known, inside);
  std::string text;
  const size_t most = static_cast<size_t>(left_->mounts());
  const int read = proc::read_file(directory, "mountinfo", most, &text);
  left_->use_mounts(text.size());
  if (read == 1) missing_ = true;  // the line that is cut is none
  if (read < 0) missed(read, "read");
  // "36 35 0:4 net:[4026532177] /run/netns/blue rw shared:1 - nsfs nsfs rw"
  for (size_t at = 0; at < text.size();) {
    const size_t end = text.find('\n', at);
    if (end == std::string::npos) break;
    const std::string line = text.substr(at, end - at);
    at = end + 1;
    if (line.find(" - nsfs ") == std::string::npos) continue;
    size_t field = 0;
    for (int i = 0; i < 3; i++) field = line.find(' ', field) + 1;
    const size_t path = line.find(' ', field) + 1;
    const std::string name = line.substr(field, path - 1 - field);
    const std::string where = unescaped(line.substr(path, line.find(' ', path) - path));
    int type = 0;
    uint64_t inode = 0;
    if (!parse_name(name, &type, &inode) || (options_.types & type) == 0) continue;
    const int row = table.add(type, inode);
    table.mounted(row, inside, where);
    if (table.rows[row].known) continue;
    const sys::Fd mount(open_in_root(directory, where.c_str()));
    if (proc::is_shortage(mount.Get())) missed(mount.Get(), "openat2");
    if (!mount.IsOpen()) continue;
    // Something else may be mounted over it: learn() goes by what it really is.
    const sys::Fd again(proc::open_namespace(mount.Get()));
    const int learned = again.IsOpen() ? table.learn(again.Get(), &netlink_) : again.Get();
    if (proc::is_shortage(learned)) missed(learned, "open");
  }
}

}  // namespace scan
