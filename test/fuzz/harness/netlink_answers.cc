// Answers of netlink, as whoever may forge them could (CAP_NET_ADMIN in the target's network): each
// message of the input is what one recv() gives. An odd first byte puts a message at the very end
// of the buffer, behind one that says nothing.
#include <errno.h>
#include <linux/net_namespace.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>

namespace {
const uint8_t* rest;
size_t left;
}  // namespace

static ssize_t fake_recv(int, void* buffer, size_t size, int) {
  if (left < 3) {
    errno = ENOBUFS;
    return -1;
  }
  const bool at_end = (rest[0] & 1) != 0;
  size_t length = rest[1] | rest[2] << 8;
  rest += 3;
  left -= 3;
  length = std::min({length, left, size});
  auto* to = static_cast<uint8_t*>(buffer);
  memset(to, 0xa5, size);
  size_t before = 0;
  if (at_end && size - length >= NLMSG_HDRLEN) {
    before = (size - length) & ~size_t{3};
    nlmsghdr quiet = {static_cast<uint32_t>(before), NLMSG_NOOP, 0, 0, 0};
    memcpy(to, &quiet, sizeof quiet);
  }
  memcpy(to + before, rest, length);
  rest += length;
  left -= length;
  return static_cast<ssize_t>(before + length);
}
static ssize_t fake_send(int, const void*, size_t size, int) { return static_cast<ssize_t>(size); }
static int fake_socket(int, int, int) { return dup(0); }

// As the library calls them.
#define recv fake_recv
#define send fake_send
#define socket fake_socket
#include "netlink.cc"
#undef recv
#undef send
#undef socket

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  rest = data;
  left = size;
  std::vector<netlink::Request> requests = {{NETLINK_ROUTE, {1, 2, 3}, {}}};
  const char* step = "";
  const int done = netlink::dump(-1, &requests, &step);
  if (done > 0 || (done < 0 && *step == 0)) abort();
  rest = data;
  left = size;
  netlink::network_id(0, 0);
  return 0;
}
