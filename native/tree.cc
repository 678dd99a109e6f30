#include "tree.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "walk.h"

namespace root {
namespace {

// Whoever puts files into a directory as fast as we remove them does not hold us up for ever.
constexpr int kAttempts = 1000;

int result(long value) { return value == -1 ? -errno : static_cast<int>(value); }

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

bool is_no_directory(int errno_) { return errno_ == -ENOTDIR || errno_ == -ELOOP; }

// What became of a name that was to be removed: 0, or 1: it is a directory.
int remove_file(int directory, const char* name) {
  const int done = result(::unlinkat(directory, name, 0));
  if (done == -EISDIR) return 1;
  if (done == -ENOENT) return 0;
  if (done != -EPERM) return done;
  // What POSIX wants said of a directory, and what is said of a file that may not be removed.
  struct statx found;
  if (stat(directory, name, AT_SYMLINK_NOFOLLOW, &found) < 0) return done;
  return S_ISDIR(found.stx_mode) ? 1 : done;
}

class Removal {
 public:
  Removal(int parent, const std::string& name, Work* work)
      : parent_(parent), name_(name), work_(work), walk_(true) {}

  int Run() {
    int left = Remove(parent_, name_.c_str());
    while (left == 0 && !walk_.Empty()) {
      if (work_->cancelled) return -ECANCELED;
      Walk::Entry entry;
      left = walk_.Next(&entry);
      if (left == 0) {
        left = Leave();
      } else if (left == 1) {
        const std::string name = entry.name;
        left = Remove(walk_.Top(), name.c_str());
        if (left < 0) Failed(name, left);
      } else {
        work_->at = walk_.PathTo("");
      }
    }
    return left;
  }

 private:
  int Remove(int directory, const char* name) {
    const int done = remove_file(directory, name);
    if (done == 0) work_->files++;
    return done == 1 ? Enter(directory, name) : done;
  }

  // Whatever was put in its place meanwhile is removed, and not followed.
  int Enter(int directory, const char* name) {
    for (int attempt = 0; attempt < kAttempts; attempt++) {
      const int fd = open_directory_at(directory, name);
      if (fd >= 0) return walk_.Push(fd, name);
      if (fd == -ENOENT) return 0;
      if (!is_no_directory(fd)) return fd;
      const int done = remove_file(directory, name);
      if (done <= 0) return done;
    }
    return -EBUSY;
  }

  // The directory that we are in has been emptied.
  int Leave() {
    const std::string name = walk_.Name();
    const int left = walk_.Pop();
    if (left < 0) return left;
    const int above = walk_.Empty() ? parent_ : walk_.Top();
    const int done = result(::unlinkat(above, name.c_str(), AT_REMOVEDIR));
    if (done == 0) work_->files++;
    if (done == 0 || done == -ENOENT) return 0;
    if (done != -ENOTDIR && done != -ENOTEMPTY && done != -EEXIST) return Failed(name, done);
    if (++again_ > kAttempts) return Failed(name, done);
    const int more = Remove(above, name.c_str());
    return more < 0 ? Failed(name, more) : 0;
  }

  int Failed(const std::string& name, int errno_) {
    if (!walk_.Empty()) work_->at = walk_.PathTo(name);
    return errno_;
  }

  int parent_;
  std::string name_;
  Work* work_;
  Walk walk_;
  int again_ = 0;
};

}  // namespace

int remove(const Root& root, const std::string& path, bool recursive, Work* work) {
  std::string name;
  const Fd parent(root.Parent(path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty()) return -EBUSY;  // the root itself
  if (!recursive) {
    const int done = result(::unlinkat(parent.Get(), name.c_str(), 0));
    struct statx found;
    const bool unclear = done == -EPERM;  // POSIX's word for a directory
    if (unclear && stat(parent.Get(), name.c_str(), AT_SYMLINK_NOFOLLOW, &found) == 0 &&
        S_ISDIR(found.stx_mode)) {
      return -EISDIR;
    }
    return done;
  }
  // With slashes behind it a link would be followed; and what is above is not below.
  const bool directory = name.back() == '/';
  name.resize(name.find_last_not_of('/') + 1);
  if (name == "." || name == "..") return -EINVAL;
  struct statx found;
  const int there = stat(parent.Get(), name.c_str(), AT_SYMLINK_NOFOLLOW, &found);
  if (there < 0) return there;
  if (directory && !S_ISDIR(found.stx_mode)) return -ENOTDIR;
  return Removal(parent.Get(), name, work).Run();
}

int list(const Root& root, const std::string& path, bool recursive, Work* work,
         std::string* found) {
  Walk walk;
  std::vector<uint32_t> numbers = {0};
  uint32_t count = 0;
  int left = walk.Push(root.Resolve(path, O_RDONLY | O_DIRECTORY | O_NONBLOCK), "");
  while (left >= 0 && !walk.Empty()) {
    if (work->cancelled) return -ECANCELED;
    Walk::Entry entry;
    left = walk.Next(&entry);
    if (left == 0) {
      left = walk.Pop();
      numbers.pop_back();
    } else if (left == 1) {
      const unsigned char type = type_of(walk, entry);
      found->append(reinterpret_cast<const char*>(&numbers.back()), sizeof(uint32_t));
      found->push_back(node_type(type));
      found->append(entry.name, strlen(entry.name) + 1);
      if (!recursive || type != DT_DIR) continue;
      count++;
      const std::string name = entry.name;
      const int below = open_directory_at(walk.Top(), name.c_str());
      if (below == -ENOENT || is_no_directory(below)) continue;  // not any more
      left = below < 0 ? below : walk.Push(below, name);
      if (left < 0) work->at = walk.PathTo(name);
      numbers.push_back(count);
    } else {
      work->at = walk.PathTo("");
    }
  }
  return left;
}

}  // namespace root
