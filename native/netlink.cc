#include "netlink.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "kernel.h"
#include "proc.h"
#include "sys.h"

namespace netlink {
namespace {

constexpr size_t kMost = 64 << 10;  // twice what the kernel puts into one message of a dump
constexpr int kTries = 10;

int result_of(long value) { return value == -1 ? -errno : static_cast<int>(value); }

int receive(int socket, uint8_t* buffer, size_t size) {
  for (;;) {
    const long length = ::recv(socket, buffer, size, MSG_TRUNC);
    if (length == -1 && errno == EINTR) continue;
    if (length > static_cast<long>(size)) return -EMSGSIZE;
    return result_of(length);
  }
}

// 1: there is more to come; 0: that was all; -errno. `torn`: the list changed while it was made.
int take(const uint8_t* from, int length, std::vector<uint8_t>* answer, bool* torn) {
  const auto* message = reinterpret_cast<const struct nlmsghdr*>(from);
  for (; NLMSG_OK(message, static_cast<unsigned>(length)); message = NLMSG_NEXT(message, length)) {
    if ((message->nlmsg_flags & NLM_F_DUMP_INTR) != 0) *torn = true;
    if (message->nlmsg_type == NLMSG_DONE || message->nlmsg_type == NLMSG_ERROR) {
      int error = 0;
      memcpy(&error, NLMSG_DATA(message), sizeof error);
      return error < 0 ? error : 0;
    }
    const auto* bytes = reinterpret_cast<const uint8_t*>(message);
    answer->insert(answer->end(), bytes, bytes + NLMSG_ALIGN(message->nlmsg_len));
  }
  return 1;
}

int ask(Request* request, const char** step, bool* torn) {
  *step = "socket";
  const proc::File socket(open(request->protocol));
  if (!socket.open()) return socket.fd();
  *step = "send";
  const int sent =
      result_of(::send(socket.fd(), request->bytes.data(), request->bytes.size(), MSG_NOSIGNAL));
  if (sent < 0) return sent;
  *step = "recv";
  std::vector<uint8_t> buffer(kMost);
  request->answer.clear();
  for (;;) {
    const int length = receive(socket.fd(), buffer.data(), buffer.size());
    if (length < 0) return length;
    const int more = take(buffer.data(), length, &request->answer, torn);
    if (more <= 0) return more;
  }
}

// Our own needs no right to be entered.
int enter(int net) {
  const proc::File home(sys::open_namespace("/proc/thread-self/ns/net"));
  uint64_t inodes[2] = {};
  uint64_t devices[2] = {};
  if (home.open() && sys::get_inode(home.fd(), &inodes[0], &devices[0]) == 0 &&
      sys::get_inode(net, &inodes[1], &devices[1]) == 0 && inodes[0] == inodes[1]) {
    return 0;
  }
  return sys::setns(net, kernel::kNet);
}

}  // namespace

int open(int protocol) {
  return result_of(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol));
}

int network_id(int socket, int fd) {
  struct {
    struct nlmsghdr header;
    struct rtgenmsg message;
    alignas(NLMSG_ALIGNTO) struct rtattr attribute;
    uint32_t fd;
  } request = {};
  static_assert(sizeof request == NLMSG_SPACE(sizeof(struct rtgenmsg)) + RTA_SPACE(4));
  request.header.nlmsg_len = sizeof request;
  request.header.nlmsg_type = RTM_GETNSID;
  request.header.nlmsg_flags = NLM_F_REQUEST;
  request.attribute.rta_len = RTA_LENGTH(sizeof request.fd);
  request.attribute.rta_type = NETNSA_FD;
  request.fd = static_cast<uint32_t>(fd);
  if (socket < 0 || ::send(socket, &request, sizeof request, MSG_NOSIGNAL) == -1) return -1;
  alignas(8) uint8_t buffer[1024];
  int length = receive(socket, buffer, sizeof buffer);
  const auto* answer = reinterpret_cast<const struct nlmsghdr*>(buffer);
  if (length < 0 || !NLMSG_OK(answer, static_cast<unsigned>(length))) return -1;
  if (answer->nlmsg_type != RTM_NEWNSID) return -1;
  const auto* attribute = reinterpret_cast<const struct rtattr*>(
      static_cast<const uint8_t*>(NLMSG_DATA(answer)) + NLMSG_ALIGN(sizeof(struct rtgenmsg)));
  length -= NLMSG_SPACE(sizeof(struct rtgenmsg));
  for (; RTA_OK(attribute, length); attribute = RTA_NEXT(attribute, length)) {
    if (attribute->rta_type != NETNSA_NSID) continue;
    int id = -1;
    memcpy(&id, RTA_DATA(attribute), sizeof id);
    return id;
  }
  return -1;
}

int dump(int net, std::vector<Request>* requests, const char** step) {
  *step = "setns";
  const int entered = net < 0 ? 0 : enter(net);
  if (entered < 0) return entered;
  for (Request& request : *requests) {
    // On a machine where it changes all the time, the last answer is better than none.
    bool torn = true;
    for (int i = 0; i < kTries && torn; i++) {
      torn = false;
      const int failed = ask(&request, step, &torn);
      if (failed < 0) return failed;
    }
  }
  return 0;
}

}  // namespace netlink
