// What is done to names in the directories of a container: removing and renaming, on a thread that
// is in its mount namespace. The kernel refuses a mount point (EBUSY) only where it is one in the
// mount namespace of the caller; one of another namespace it detaches, without a word. Knows
// nothing of JavaScript.
//
// This can do no harm to Node: the thread is one of ours, made for this call alone, which never
// runs JavaScript and ends with the call (and so holds the namespace no longer than that). It first
// gets a root and a working directory of its own (CLONE_FS); having joined, it puts both back to
// where they were. So a path by name, should the C library look one up, means on this thread what
// it means on every other, and nothing that lies in the container is ever opened by its name. All
// signals are blocked on it from then on. (The others stay where they are: setns(2) moves its
// caller only.)
#pragma once
#include "root/tree.h"

namespace root {

class Names {
 public:
  // For the calling thread. Each thread that works on a tree has one of its own.
  Names(const Root& root, Work* work) : root_(root), work_(work) {}

  // Goes into the mount namespace, once; all below do so by themselves. Where the rights for that
  // are missing, each name is looked at before it is touched instead: that tells a mount point too,
  // but not one that is mounted between the look and the act. 0, or -errno.
  int Join();

  // unlinkat(2) and renameat2(2), in directories that were reached below the container's root. Each
  // directory is proved to be in the mount namespace that the thread is in, and to be on a file
  // system that may be changed (class Change). -EBUSY: a mount point. -ESTALE: the directory is in
  // another mount namespace, or has been unmounted.
  int Unlink(int directory, const char* name, int flags = 0);
  int Rename(int from, const char* name, int to, const char* new_name, unsigned flags = 0);

  // Is `name` a mount point, as far as a look can tell? 1, 0, or -errno; of what is not there, 0.
  static int IsMountPoint(int directory, const char* name);

 private:
  int Prepare(int directory);
  int Prove(int directory);
  int Look(int directory, const char* name) const;

  const Root& root_;
  Work* work_;
  bool joined_ = false;
  bool looks_ = false;   // rights are missing
  uint64_t proved_ = 0;  // the mount that was last proved to be in the namespace
};

}  // namespace root
