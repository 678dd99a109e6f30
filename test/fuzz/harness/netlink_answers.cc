// Answers of netlink, as whoever may forge them could (CAP_NET_ADMIN in the target's network): each
// message of the input is what one recv() gives. Of its first byte, bit 0 puts it at the very end
// of the buffer, behind a message that says nothing; without bit 1 it answers to what was asked.
#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <vector>

#include "netlink.h"

namespace {

constexpr uint32_t kPort = 0x1111;
const uint8_t* rest;
size_t left;
uint32_t sequence;

// Of the messages in it, as far as they are some.
void address(uint8_t* bytes, size_t size) {
  for (size_t at = 0; at + NLMSG_HDRLEN <= size;) {
    auto* header = reinterpret_cast<nlmsghdr*>(bytes + at);
    header->nlmsg_seq = sequence;
    header->nlmsg_pid = kPort;
    if (header->nlmsg_len < NLMSG_HDRLEN || header->nlmsg_len > size - at) return;
    at += NLMSG_ALIGN(header->nlmsg_len);
  }
}

long next(void* buffer, size_t size) {
  if (left < 3) {
    errno = ENOBUFS;
    return -1;
  }
  const uint8_t how = rest[0];
  size_t length = rest[1] | rest[2] << 8;
  rest += 3;
  left -= 3;
  length = std::min({length, left, size});
  auto* to = static_cast<uint8_t*>(buffer);
  memset(to, 0xa5, size);
  size_t before = 0;
  if ((how & 1) != 0 && size - length >= NLMSG_HDRLEN) {
    before = (size - length) & ~size_t{3};
    nlmsghdr quiet = {static_cast<uint32_t>(before), NLMSG_NOOP, 0, 0, 0};
    memcpy(to, &quiet, sizeof quiet);
  }
  memcpy(to + before, rest, length);
  if ((how & 2) == 0) address(to, before + length);
  rest += length;
  left -= length;
  return static_cast<long>(before + length);
}

// With the limits that a dump has, or without.
template <class Requests>
int dump(Requests* requests, const char** step) {
  if constexpr (requires { netlink::dump(-1, requests, step); }) {
    return netlink::dump(-1, requests, step);
  } else {
    return netlink::dump(-1, requests, {size_t{1} << 22, 1000}, step);
  }
}

template <class Socket>
void ask_for_id(Socket socket) {
  if constexpr (requires { netlink::network_id(socket, 0); }) netlink::network_id(socket, 0);
}

}  // namespace

// In the place of the C library's.
extern "C" {
int socket(int, int, int) noexcept { return dup(0); }
int bind(int, const sockaddr*, socklen_t) noexcept { return 0; }
int connect(int, const sockaddr*, socklen_t) { return 0; }
int setsockopt(int, int, int, const void*, socklen_t) noexcept { return 0; }
int getsockname(int, sockaddr* to, socklen_t* size) noexcept {
  sockaddr_nl own = {AF_NETLINK, 0, kPort, 0};
  memcpy(to, &own, std::min<size_t>(*size, sizeof own));
  *size = sizeof own;
  return 0;
}
int poll(pollfd* polls, nfds_t count, int) {
  for (nfds_t i = 0; i < count; i++) polls[i].revents = polls[i].events;
  return static_cast<int>(count);
}
ssize_t send(int, const void* data, size_t size, int) {
  if (size >= NLMSG_HDRLEN) memcpy(&sequence, static_cast<const uint8_t*>(data) + 8, 4);
  return static_cast<ssize_t>(size);
}
ssize_t recv(int, void* buffer, size_t size, int) {
  if (size >= 256) return next(buffer, size);
  errno = EAGAIN;  // nothing was there before we asked
  return -1;
}
ssize_t recvmsg(int, msghdr* message, int) {
  const long length = next(message->msg_iov->iov_base, message->msg_iov->iov_len);
  if (message->msg_name != nullptr) memset(message->msg_name, 0, message->msg_namelen);
  message->msg_flags = 0;
  return length;
}
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rest = data;
  left = size;
  std::vector<netlink::Request> requests(1);
  requests[0].protocol = NETLINK_ROUTE;
  requests[0].bytes.assign(32, 0);
  requests[0].bytes[0] = 32;
  const char* step = "";
  const int done = dump(&requests, &step);
  if (done > 0 || (done < 0 && *step == 0)) abort();
  rest = data;
  left = size;
  ask_for_id(0);
  return 0;
}
