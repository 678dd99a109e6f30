// Netlink: asks the kernel for lists (rtnetlink(7), sock_diag(7)), in the network namespace of the
// calling thread. The answers stay in the kernel's form. Knows nothing of JavaScript.
#pragma once
#include <cstdint>
#include <vector>

namespace netlink {

int open(int protocol);  // NETLINK_*

// The id that the network namespace behind `fd` has in ours; -1 for none.
int network_id(int socket, int fd);

struct Request {
  int protocol;                // NETLINK_*
  std::vector<uint8_t> bytes;  // nlmsghdr and what follows, for a dump
  std::vector<uint8_t> answer;
};

// Makes the dumps, each whole, in the network namespace that `net` holds (-1: this thread's own):
// to be called on a thread that then ends. 0, or -errno with the system call in `step`.
int dump(int net, std::vector<Request>* requests, const char** step);

}  // namespace netlink
