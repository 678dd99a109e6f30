#include "inspect/netlink.h"

#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <algorithm>

#include "base/kernel.h"
#include "base/namespaces.h"
#include "base/result.h"
#include "inspect/netlink_messages.h"
#include "inspect/proc.h"

namespace netlink {
namespace {

constexpr size_t kMost = 64 << 10;  // twice what the kernel puts into one message of a dump
constexpr int kTries = 10;
constexpr int kAtOnce = 1000;  // milliseconds for an answer that the kernel has at once

using sys::result_of;

int64_t milliseconds() {
  struct timespec now = {};
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * int64_t{1000} + now.tv_nsec / 1000000;
}

// One dump, and what is left of the limits of all.
struct Dump {
  Request* request;
  size_t bytes;
  int64_t end;
  bool torn = false;  // the list changed while it was made
};

// 1: there is more to come; 0: that was all; -errno.
int take(const Socket& socket, const uint8_t* from, size_t length, Dump* dump) {
  Messages messages(from, length);
  Message message;
  while (messages.next(&message)) {
    const struct nlmsghdr& header = message.header;
    if (!socket.is_answer(header)) continue;
    if ((header.nlmsg_flags & NLM_F_DUMP_INTR) != 0) dump->torn = true;
    if (header.nlmsg_type == NLMSG_DONE || header.nlmsg_type == NLMSG_ERROR) {
      int error = 0;
      if (!field(message, 0, &error, sizeof error)) return -EPROTO;
      return error < 0 ? error : 0;
    }
    std::vector<uint8_t>& answer = dump->request->answer;
    answer.insert(answer.end(), message.body - sizeof header, message.body + message.size);
    answer.resize(NLMSG_ALIGN(answer.size()));
  }
  return messages.is_broken() ? -EPROTO : 1;
}

int ask(Dump* dump, const char** step) {
  Socket socket(dump->request->protocol);
  *step = socket.step();
  if (socket.error() < 0) return socket.error();
  *step = "send";
  std::vector<uint8_t>& bytes = dump->request->bytes;
  const int sent = socket.send(bytes.data(), bytes.size());
  if (sent < 0) return sent;
  *step = "recv";
  std::vector<uint8_t> buffer(kMost);
  dump->request->answer.clear();
  size_t taken = 0;
  for (;;) {
    const int64_t left = dump->end - milliseconds();
    if (left <= 0) return -ETIMEDOUT;
    const int length = socket.receive(buffer.data(), buffer.size(), static_cast<int>(left));
    if (length < 0) return length;
    const int more = take(socket, buffer.data(), static_cast<size_t>(length), dump);
    if (more < 0) return more;
    taken += static_cast<size_t>(length);
    if (taken > dump->bytes) return -EFBIG;
    if (more == 0) break;
  }
  dump->bytes -= taken;
  return 0;
}

// Our own needs no right to be entered.
int enter(int net) {
  const sys::Fd own(sys::open_namespace("/proc/thread-self/ns/net"));
  uint64_t inodes[2] = {};
  uint64_t devices[2] = {};
  if (own.IsOpen() && sys::get_inode(own.Get(), &inodes[0], &devices[0]) == 0 &&
      sys::get_inode(net, &inodes[1], &devices[1]) == 0 && inodes[0] == inodes[1]) {
    return 0;
  }
  return sys::setns(net, kernel::kNet);
}

}  // namespace

Socket::Socket(int protocol)
    : fd_(result_of(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, protocol))) {
  struct sockaddr_nl address = {};
  address.nl_family = AF_NETLINK;
  socklen_t size = sizeof address;
  int failed = fd_ < 0 ? fd_ : 0;
  if (failed == 0) {
    step_ = "connect";
    failed = result_of(::connect(fd_, reinterpret_cast<struct sockaddr*>(&address), size));
  }
  if (failed == 0) {
    step_ = "getsockname";
    failed = result_of(::getsockname(fd_, reinterpret_cast<struct sockaddr*>(&address), &size));
  }
  port_ = address.nl_pid;
  // What others sent before the connection would leave no space for the kernel's own.
  char byte;
  while (failed == 0 && (::recv(fd_, &byte, sizeof byte, MSG_DONTWAIT) >= 0 || errno == EINTR ||
                         errno == ENOBUFS)) {
  }
  if (failed == 0 || fd_ < 0) return;
  ::close(fd_);
  fd_ = failed;
}

Socket::~Socket() {
  if (fd_ >= 0) ::close(fd_);
}

int Socket::send(uint8_t* request, size_t size) {
  struct nlmsghdr header;
  if (size < sizeof header) return -EINVAL;
  memcpy(&header, request, sizeof header);
  header.nlmsg_seq = ++sequence_;
  header.nlmsg_pid = port_;
  memcpy(request, &header, sizeof header);
  return result_of(::send(fd_, request, size, MSG_NOSIGNAL));
}

int Socket::receive(uint8_t* buffer, size_t size, int milliseconds) {
  struct sockaddr_nl sender = {};
  struct iovec part = {buffer, size};
  struct msghdr message = {};
  message.msg_name = &sender;
  message.msg_namelen = sizeof sender;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  const int length = result_of(::recvmsg(fd_, &message, MSG_DONTWAIT));
  if (length == -EAGAIN) {
    struct pollfd ready = {fd_, POLLIN, 0};
    const int polled = result_of(::poll(&ready, 1, milliseconds));
    return polled > 0 || polled == -EINTR ? 0 : polled == 0 ? -ETIMEDOUT : polled;
  }
  if (length < 0) return length == -EINTR ? 0 : length;
  const bool named = message.msg_namelen == sizeof sender && sender.nl_family == AF_NETLINK;
  if (!named || sender.nl_pid != 0 || sender.nl_groups != 0) return 0;
  return (message.msg_flags & MSG_TRUNC) != 0 ? -EMSGSIZE : length;
}

bool Socket::is_answer(const struct nlmsghdr& header) const {
  return header.nlmsg_seq == sequence_ && header.nlmsg_pid == port_;
}

int network_id(Socket* socket, int fd) {
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
  if (socket->error() < 0) return -1;
  if (socket->send(reinterpret_cast<uint8_t*>(&request), sizeof request) < 0) return -1;
  const int64_t end = milliseconds() + kAtOnce;
  uint8_t buffer[1024];
  for (;;) {
    // What is there is taken although it is late: then it was we who got no processor.
    const int64_t left = std::max<int64_t>(end - milliseconds(), 0);
    const int length = socket->receive(buffer, sizeof buffer, static_cast<int>(left));
    if (length < 0 || (length == 0 && left == 0)) return -1;
    Messages messages(buffer, static_cast<size_t>(length));
    Message message;
    while (messages.next(&message)) {
      if (!socket->is_answer(message.header)) continue;
      int id = -1;
      const bool found = message.header.nlmsg_type == RTM_NEWNSID &&
                         attribute(message, sizeof(struct rtgenmsg), NETNSA_NSID, &id);
      return found ? id : -1;
    }
  }
}

int dump(int net, std::vector<Request>* requests, const Limits& limits, const char** step) {
  *step = "setns";
  const int entered = net < 0 ? 0 : enter(net);
  if (entered < 0) return entered;
  const int64_t end = milliseconds() + limits.milliseconds;
  size_t left = limits.bytes;
  for (Request& request : *requests) {
    Dump dump = {&request, left, end};
    // On a machine where it changes all the time, the last answer is better than none.
    for (int i = 0; i < kTries && (i == 0 || dump.torn); i++) {
      dump.torn = false;
      dump.bytes = left;
      const int failed = ask(&dump, step);
      if (failed < 0) return failed;
    }
    left = dump.bytes;
  }
  return 0;
}

}  // namespace netlink
