// Netlink: asks the kernel for lists (rtnetlink(7), sock_diag(7)), in the network namespace of the
// calling thread. The answers stay in the kernel's form. Knows nothing of JavaScript.
//
// A process with CAP_NET_ADMIN in a network namespace may send to any netlink socket in it. Ours
// are connected to the kernel (port 0): netlink_getsockbyportid() in net/netlink/af_netlink.c
// refuses every other sender then (ECONNREFUSED). What comes between the moment that the kernel
// gives a socket its port and that of the connection is dropped, by its sender and by the numbers
// in it.
#pragma once
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <vector>

namespace netlink {

class Socket {
 public:
  explicit Socket(int protocol);  // NETLINK_*
  Socket(const Socket&) = delete;
  Socket& operator=(const Socket&) = delete;
  ~Socket();
  int error() const { return fd_ < 0 ? fd_ : 0; }  // -errno, with the system call in step()
  const char* step() const { return step_; }

  // Gives the request its number; its length has to be in it.
  int send(uint8_t* request, size_t size);
  // One datagram of the kernel's; its length, 0 for one of anybody else's, or -errno.
  int receive(uint8_t* buffer, size_t size, int milliseconds);
  bool is_answer(const struct nlmsghdr& header) const;  // to the last request

 private:
  int fd_;
  const char* step_ = "socket";
  uint32_t port_ = 0;
  uint32_t sequence_ = 0;
};

// The id that the network namespace behind `fd` has in ours; -1 for none.
int network_id(Socket* socket, int fd);

struct Request {
  int protocol;                // NETLINK_*
  std::vector<uint8_t> bytes;  // nlmsghdr and what follows, for a dump
  std::vector<uint8_t> answer;
};

struct Limits {
  size_t bytes;  // of all answers, and of what was dropped
  int milliseconds;
};

// Makes the dumps, each whole, in the network namespace that `net` holds (-1: this thread's own):
// to be called on a thread that then ends. 0, or -errno with the system call in `step`: EFBIG and
// ETIMEDOUT where it would be more than the limits say, EPROTO for what is no netlink.
int dump(int net, std::vector<Request>* requests, const Limits& limits, const char** step);

}  // namespace netlink
