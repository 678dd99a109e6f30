// Namespaces, each once: what is known of it, and who is in it or holds it. One thread fills one.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "inspect/netlink.h"
#include "inspect/proc.h"

namespace scan {

// Where it is mounted: a path in a mount namespace.
struct Mount {
  uint64_t inside;
  std::string path;
};

// What keeps it alive besides the processes in it.
enum By : int { kFd = 0, kSocket = 1, kThread = 2, kChildren = 3 };
struct Holder {
  By by;
  int pid;
  int number;  // of the fd, or of the thread
};

struct Namespace {
  int type;  // CLONE_NEW*
  uint64_t inode;
  bool known = false;   // it was open, so that what follows could be asked
  uint64_t id = 0;      // 0: not to be had
  uint64_t owner = 0;   // inode of a user namespace, 0: none that we may see
  uint64_t parent = 0;  // of pid and user
  int64_t owner_uid = -1;
  int network = -1;  // the id of a network in ours
  int processes = 0;
  proc::Process first;  // the one with the lowest pid, if there are any
  std::vector<Mount> mounts;
  std::vector<Holder> holders;
};

class Table {
 public:
  std::vector<Namespace> rows;
  uint64_t device = 0;  // that of all namespaces, from the first that was learned on

  int find(uint64_t inode) const;  // the row, or -1
  int add(int type, uint64_t inode);
  // The row of the namespace behind an fd, which is asked for all it knows; those that it leads to
  // (owner, parent) get rows, too. -errno if it is none. `socket`: for network_id().
  int learn(int fd, netlink::Socket* socket);
  void mounted(int row, uint64_t inside, std::string path);
  bool held(int row, Holder holder);  // one for each process and way; is it a new one?
  void merge(Table* other);           // takes what is in the other
  void drop_unfounded();              // those that nothing keeps alive any more
  void sort();

 private:
  void grow();
  // Open addressing by inode: row + 1, 0 for a free slot. At most half full.
  std::vector<uint32_t> slots_ = std::vector<uint32_t>(64);
};

}  // namespace scan
