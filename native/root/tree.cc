#include "root/tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "root/mount_thread.h"
#include "root/walk.h"

namespace root {
namespace {

// Whoever puts files into a directory as fast as we remove them, or shows one that never ends, does
// not hold us up for ever. So many entries of one directory are taken as they come; then those that
// are left are counted once, and more than that are not looked at.
constexpr uint64_t kUncounted = 1 << 16;
constexpr uint64_t kCountMost = 1 << 24;
constexpr uint64_t kAgain = 1 << 10;     // of a directory that was filled while it was removed
constexpr int kRounds = 100;             // so many times that happens
constexpr size_t kDeepest = 1 << 17;     // directories, one in the other
constexpr size_t kListMost = 256 << 20;  // bytes of paths below what is listed
constexpr size_t kListEach = 32;         // and of what JavaScript has of each besides

// UV_DIRENT_* of uv.h, which are Node's.
char node_type(unsigned char type) {
  switch (type) {
    case DT_REG:
      return 1;
    case DT_DIR:
      return 2;
    case DT_LNK:
      return 3;
    case DT_FIFO:
      return 4;
    case DT_SOCK:
      return 5;
    case DT_CHR:
      return 6;
    case DT_BLK:
      return 7;
    default:
      return 0;
  }
}

// Some file systems do not say it in the directory.
unsigned char type_of(const Walk& walk, const Walk::Entry& entry) {
  if (entry.type != DT_UNKNOWN) return entry.type;
  struct statx found;
  if (stat(walk.Top(), entry.name, AT_SYMLINK_NOFOLLOW, &found) < 0) return DT_UNKNOWN;
  return IFTODT(found.stx_mode);
}

// EPERM is POSIX's word for a directory, too.
bool is_directory(int directory, const char* name) {
  struct statx found;
  return stat(directory, name, AT_SYMLINK_NOFOLLOW, &found) == 0 && S_ISDIR(found.stx_mode);
}

bool is_no_directory(int errno_) { return errno_ == -ENOTDIR || errno_ == -ELOOP; }

class Removal {
 public:
  Removal(const Root& root, int parent, Work* work)
      : names_(root, work), parent_(parent), work_(work), walk_(true) {}

  int Run(const std::string& name) {
    int left = Remove(parent_, name, kUncounted);
    while (left == 0 && !walk_.Empty()) {
      if (work_->cancelled) return -ECANCELED;
      Walk::Entry entry;
      left = walk_.Next(&entry);
      if (left == 0) {
        left = Leave();
      } else if (left == 1) {
        const std::string found = entry.name;
        left = Spend();
        if (left < 0) {
          work_->at = walk_.PathTo("");
        } else {
          left = Remove(walk_.Top(), found, kUncounted);
          if (left < 0) Failed(found, left);
        }
      } else {
        work_->at = walk_.PathTo("");
      }
    }
    return left;
  }

 private:
  // How many more entries of the directory that we are in are worth a look.
  struct Budget {
    uint64_t left;
    bool counted;
  };

  // A name and what is below it. Whatever is put in its place meanwhile is removed, and not
  // followed.
  int Remove(int directory, const std::string& name, uint64_t budget) {
    int done = 0;
    for (int attempt = 0; attempt < kRounds; attempt++) {
      done = Unlink(directory, name.c_str());
      if (done != -ENOTEMPTY) return done;
      if (walk_.Depth() >= kDeepest) return -ENAMETOOLONG;
      const int fd = open_directory_at(directory, name.c_str());
      if (fd >= 0) return Enter(directory, fd, name, budget);
      if (fd == -ENOENT) return 0;
      if (!is_no_directory(fd)) return fd;
    }
    return done;
  }

  // A file, or a directory that is empty. -ENOTEMPTY: one that is not. (As in Node, a mount point
  // is refused before anything is removed that is mounted there.)
  int Unlink(int directory, const char* name) {
    int done = names_.Unlink(directory, name);
    if (done == -EISDIR || (done == -EPERM && is_directory(directory, name))) {
      done = names_.Unlink(directory, name, AT_REMOVEDIR);
      if (done == -ENOTDIR || done == -EEXIST) done = -ENOTEMPTY;
    }
    if (done == 0) work_->files++;
    return done == -ENOENT ? 0 : done;
  }

  // Takes `fd`.
  int Enter(int above, int fd, const std::string& name, uint64_t budget) {
    Identity one;
    Identity other;
    int done = identify(above, "", AT_EMPTY_PATH, &one);
    if (done >= 0) done = identify(fd, "", AT_EMPTY_PATH, &other);
    if (done >= 0 && one.mount != other.mount) done = -EBUSY;  // mounted this very moment
    if (done < 0) {
      ::close(fd);
      return done;
    }
    budgets_.push_back({budget, budget != kUncounted});
    return walk_.Push(fd, name);
  }

  int Spend() {
    Budget& budget = budgets_.back();
    if (budget.left == 0 && !budget.counted) {
      const int64_t left = Count();
      if (left < 0) return static_cast<int>(left);
      budget = {static_cast<uint64_t>(left), true};
    }
    if (budget.left == 0) return -ENOTEMPTY;
    budget.left--;
    return 0;
  }

  int64_t Count() {
    Walk all;
    int left = all.Push(open_directory_at(walk_.Top(), "."), "");
    uint64_t count = 0;
    while (left >= 0 && count < kCountMost) {
      if (work_->cancelled) return -ECANCELED;
      Walk::Entry entry;
      left = all.Next(&entry);
      if (left == 0) break;
      count++;
    }
    if (left < 0) return left;
    return count == kCountMost ? -ENOTEMPTY : static_cast<int64_t>(count);
  }

  // The directory that we are in has been emptied.
  int Leave() {
    const std::string name = walk_.Name();
    const int left = walk_.Pop();
    budgets_.pop_back();
    if (left < 0) return left;
    const int above = walk_.Empty() ? parent_ : walk_.Top();
    int done = Unlink(above, name.c_str());
    if (done == -ENOTEMPTY && ++again_ <= kRounds) done = Remove(above, name, kAgain);
    return done < 0 ? Failed(name, done) : 0;
  }

  int Failed(const std::string& name, int errno_) {
    if (!walk_.Empty()) work_->at = walk_.PathTo(name);
    return errno_;
  }

  Names names_;
  int parent_;
  Work* work_;
  Walk walk_;
  std::vector<Budget> budgets_;  // of each directory in walk_
  int again_ = 0;
};

}  // namespace

int remove(const Root& root, const std::string& path, bool recursive, Work* work) {
  std::string name;
  const Fd parent(root.Parent(path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty()) return -EBUSY;  // the root itself
  if (!recursive) {
    const int done = Names(root, work).Unlink(parent.Get(), name.c_str());
    const bool unclear = done == -EPERM && work->system.empty();
    return unclear && is_directory(parent.Get(), name.c_str()) ? -EISDIR : done;
  }
  // With slashes behind it a link would be followed; and what is above is not below.
  const bool directory = name.back() == '/';
  name.resize(name.find_last_not_of('/') + 1);
  if (name == "." || name == "..") return -EINVAL;
  struct statx found;
  const int there = stat(parent.Get(), name.c_str(), AT_SYMLINK_NOFOLLOW, &found);
  if (there < 0) return there;
  if (directory && !S_ISDIR(found.stx_mode)) return -ENOTDIR;
  return Removal(root, parent.Get(), work).Run(name);
}

int list(const Root& root, const std::string& path, bool recursive, Work* work,
         std::string* found) {
  Walk walk;
  std::vector<uint32_t> numbers = {0};
  std::vector<size_t> lengths = {0};  // of the paths to the directories that we are in
  uint32_t count = 0;
  size_t size = 0;
  int left = walk.Push(root.Resolve(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK), "");
  while (left >= 0 && !walk.Empty()) {
    if (work->cancelled) return -ECANCELED;
    Walk::Entry entry;
    left = walk.Next(&entry);
    if (left == 0) {
      left = walk.Pop();
      numbers.pop_back();
      lengths.pop_back();
    } else if (left == 1) {
      const size_t length = lengths.back() + strlen(entry.name);
      size += length + kListEach;
      if (size > kListMost) return -EFBIG;
      const unsigned char type = type_of(walk, entry);
      found->append(reinterpret_cast<const char*>(&numbers.back()), sizeof(uint32_t));
      found->push_back(node_type(type));
      found->append(entry.name, strlen(entry.name) + 1);
      if (!recursive || type != DT_DIR) continue;
      if (walk.Depth() >= kDeepest) return -ENAMETOOLONG;
      count++;
      const std::string name = entry.name;
      const int below = open_directory_at(walk.Top(), name.c_str());
      if (below == -ENOENT || is_no_directory(below)) continue;  // not any more
      left = below < 0 ? below : walk.Push(below, name);
      if (left < 0) work->at = walk.PathTo(name);
      numbers.push_back(count);
      lengths.push_back(length + 1);
    } else {
      work->at = walk.PathTo("");
    }
  }
  return left;
}

}  // namespace root
