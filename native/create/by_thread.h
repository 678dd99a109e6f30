// Makes namespaces on a thread that exists for nothing else: it unshares, opens what it got, and
// ends. The fds keep the namespaces alive. No thread of Node is ever moved by this.
#pragma once

namespace create {

constexpr int kMost = 8;

struct Request {
  int types;                 // CLONE_NEW* flags
  const char* const* names;  // of the types, as in /proc/PID/ns, ended by nullptr
  bool loopback;
  int hostname_length;  // -1: as it was
  char hostname[65];
  int domainname_length;  // -1: as it was
  char domainname[65];
  // results
  int fds[kMost];
  int count;
  const char* step;  // the system call that failed
};

// 0, or -errno with `step` set and nothing left open. To be called on a thread that then ends.
int run(Request* request);

}  // namespace create
