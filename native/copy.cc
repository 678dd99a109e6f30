// Copying trees: the half of tree.h that goes between inside and outside.
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <vector>

#include "attributes.h"
#include "content.h"
#include "hands.h"
#include "kernel.h"
#include "links.h"
#include "tree.h"
#include "walk.h"

namespace root {
namespace {

constexpr int kAttempts = 100;  // a name that somebody else keeps taking

int result(long value) { return value == -1 ? -errno : static_cast<int>(value); }

uint64_t device_of(const struct statx& found) {
  return makedev(found.stx_dev_major, found.stx_dev_minor);
}

class Copy {
 public:
  Copy(const Root& root, int flags, Work* work)
      : root_(root), flags_(flags), work_(work), hands_(Perform, this) {}

  // `from` is an O_PATH fd of the source; its copy gets `name` in the directory `parent`, or is
  // put into `existing`, a directory.
  int Run(int from, int parent, const std::string& name, int existing) {
    struct statx source;
    int left = stat(from, "", AT_EMPTY_PATH, &source);
    if (left < 0) return left;
    if (S_ISDIR(source.stx_mode)) {
      left = existing >= 0 ? Down(from, "", existing, source, false)
                           : Directory(from, name, parent, source);
    } else {
      if (existing >= 0) return -EISDIR;
      return File(from, parent, name, source, &buffer_);
    }
    while (left >= 0 && !from_.Empty()) {
      if (work_->cancelled) return -ECANCELED;
      Walk::Entry entry;
      left = from_.Next(&entry);
      if (left == 0) {
        left = Up();
      } else if (left == 1) {
        const std::string found = entry.name;
        left = Entry(found);
        if (left < 0) work_->at = from_.PathTo(found);
      } else {
        work_->at = from_.PathTo("");
      }
    }
    const int given = hands_.Finish();
    if (given < 0) work_->at = from_.PathTo(hands_.Failed());
    return given < 0 ? given : left;
  }

 private:
  static int Perform(void* data, const Piece& piece, Buffer* buffer) {
    return static_cast<Copy*>(data)->File(piece.from.Get(), piece.parent, piece.name, piece.source,
                                          buffer);
  }

  int Entry(const std::string& name) {
    Fd file(result(::openat(from_.Top(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)));
    if (file.Get() == -ENOENT) return 0;  // gone since it was listed
    if (file.Get() < 0) return file.Get();
    struct statx source;
    const int failed = stat(file.Get(), "", AT_EMPTY_PATH, &source);
    if (failed < 0) return failed;
    if (S_ISDIR(source.stx_mode)) return Directory(file.Get(), name, to_.Top(), source);
    // Names of one file are not for two threads.
    if (!S_ISREG(source.stx_mode) || source.stx_nlink > 1) {
      return File(file.Get(), to_.Top(), name, source, &buffer_);
    }
    return hands_.Give({std::move(file), to_.Top(), name, source});
  }

  // A directory that is there already keeps what it is; one of ours gets its mode when it is full.
  int Directory(int from, const std::string& name, int parent, const struct statx& source) {
    const int made = result(::mkdirat(parent, name.c_str(), 0700));
    if (made < 0 && made != -EEXIST) return made;
    const int to = open_directory_at(parent, name.c_str());
    return to < 0 ? to : Down(from, name, to, source, made >= 0);
  }

  // Takes `to`.
  int Down(int from, const std::string& name, int to, const struct statx& source, bool made) {
    int done = hands_.Finish();  // to go on may close the directory above
    if (done < 0) {
      ::close(to);
      return done;
    }
    done = to_.Push(to, name);
    if (done < 0) return done;
    struct statx target;
    done = stat(to, "", AT_EMPTY_PATH, &target);
    if (done < 0) return done;
    const Key here = {device_of(source), source.stx_ino};
    if (to_.Depth() == 1) {
      top_ = {device_of(target), target.stx_ino};
      top_fd_.Reset(result(::openat(to, ".", O_PATH | O_CLOEXEC)));
    }
    if (here == top_) return -EINVAL;  // into itself
    const int reading = open_directory_at(from, ".");
    done = reading < 0 ? reading : from_.Push(reading, name);
    if (done >= 0) sources_.push_back({source, made});
    return done;
  }

  int Up() {
    const int given = hands_.Finish();
    if (given < 0) return given;
    const auto [source, made] = sources_.back();
    sources_.pop_back();
    int done = made ? finish(root_, to_.Top(), source, flags_) : 0;
    if (done < 0) work_->at = from_.PathTo("");
    if (made) work_->files++;
    if (done >= 0) done = to_.Pop();
    if (done >= 0) done = from_.Pop();
    return done;
  }

  int File(int from, int parent, const std::string& name, const struct statx& source,
           Buffer* buffer) {
    const bool regular = S_ISREG(source.stx_mode);
    if (is_special(source.stx_mode) && (flags_ & kCopySpecial) == 0) return -EOPNOTSUPP;
    const Key key = {device_of(source), source.stx_ino};
    const bool several = source.stx_nlink > 1;
    if (several) {
      const int linked = Link(key, parent, name);
      if (linked != 0) return linked < 0 ? linked : 0;
    }
    int done = regular ? Regular(from, parent, name, source, buffer)
                       : make_special(root_, from, parent, name, source, flags_);
    if (done < 0) return done;
    work_->files++;
    struct statx made;
    if (several && !to_.Empty() && stat(parent, name.c_str(), AT_SYMLINK_NOFOLLOW, &made) == 0) {
      links_.Add({key, {device_of(made), made.stx_ino}, to_.PathTo(name)});
    }
    return 0;
  }

  // 1: the copy of this file has got a further name. 0: there is none yet, or it is not there any
  // more.
  int Link(const Key& key, int parent, const std::string& name) {
    const Copied* copied = links_.Find(key);
    if (copied == nullptr) return 0;
    kernel::OpenHow how = {O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
                           kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMagicLinks};
    const Fd file(
        result(::syscall(kernel::kOpenat2, top_fd_.Get(), copied->path.c_str(), &how, sizeof how)));
    struct statx now;
    if (file.Get() < 0 || stat(file.Get(), "", AT_EMPTY_PATH, &now) < 0 ||
        Key{device_of(now), now.stx_ino} != copied->copy) {
      return 0;
    }
    char fd[16];
    snprintf(fd, sizeof fd, "%d", file.Get());
    for (int attempt = 0; attempt < kAttempts; attempt++) {
      const int done = result(::linkat(root_.self(), fd, parent, name.c_str(), AT_SYMLINK_FOLLOW));
      if (done >= 0) {
        work_->files++;
        return 1;
      }
      if (done != -EEXIST) return 0;  // by content, then
      const int removed = result(::unlinkat(parent, name.c_str(), 0));
      if (removed < 0 && removed != -ENOENT) return removed;
    }
    return -EEXIST;
  }

  // What has this name already stays whole until its successor is.
  int Regular(int from, int parent, const std::string& name, const struct statx& source,
              Buffer* buffer) {
    const Fd reading(root_.Reopen(from, O_RDONLY | O_NONBLOCK | O_NOCTTY));
    if (reading.Get() < 0) return reading.Get();
    const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
    std::string made = name;
    Fd writing(result(::openat(parent, made.c_str(), flags, 0600)));
    if (writing.Get() == -EEXIST) {
      struct statx target;
      if (stat(parent, name.c_str(), AT_SYMLINK_NOFOLLOW, &target) == 0) {
        if (S_ISDIR(target.stx_mode)) return -EISDIR;
        if (device_of(target) == device_of(source) && target.stx_ino == source.stx_ino) {
          return -EINVAL;  // onto itself
        }
      }
      for (int attempt = 0; attempt < kAttempts && writing.Get() == -EEXIST; attempt++) {
        made = temporary_name();
        writing.Reset(result(::openat(parent, made.c_str(), flags, 0600)));
      }
    }
    if (writing.Get() < 0) return writing.Get();
    int done = copy_content(reading.Get(), writing.Get(), source, buffer, work_);
    if (done >= 0) done = finish(root_, writing.Get(), source, flags_);
    if (done >= 0 && made != name) {
      done = result(::renameat(parent, made.c_str(), parent, name.c_str()));
    }
    if (done < 0) ::unlinkat(parent, made.c_str(), 0);
    return done;
  }

  const Root& root_;
  int flags_;
  Work* work_;
  Walk from_;
  Walk to_;
  Fd top_fd_;  // where what is in links_ is looked up
  Key top_ = {};
  struct Source {
    struct statx stat;
    bool made;
  };
  std::vector<Source> sources_;
  Links links_;
  Buffer buffer_;
  Hands hands_;  // last: what it works with is still there when it ends
};

// The source of a copy, and where it is to go.
struct Sides {
  Fd from;
  Fd parent;    // of the copy
  Fd existing;  // the directory to copy into, where it is there already
};

int outside(const std::string& path, int flags) {
  return result(::open(path.c_str(), flags | O_CLOEXEC));
}

}  // namespace

int copy(const Root& root, const std::string& from, const std::string& to, int flags, Work* work) {
  const bool in = (flags & kCopyIn) != 0;
  if (from.empty() || to.empty()) return -ENOENT;
  Sides sides;
  sides.from.Reset(in ? outside(from, O_PATH | O_NOFOLLOW)
                      : root.Resolve(from, O_PATH | O_NOFOLLOW));
  if (sides.from.Get() < 0) return sides.from.Get();
  struct statx source;
  const int failed = stat(sides.from.Get(), "", AT_EMPTY_PATH, &source);
  if (failed < 0) return failed;

  std::string directory;
  std::string name;
  split(to, &directory, &name);
  name.resize(name.find_last_not_of('/') + 1);
  if (in) root.Become();
  if (S_ISDIR(source.stx_mode)) {
    const int flags_of_directory = O_RDONLY | O_DIRECTORY | O_NONBLOCK;
    sides.existing.Reset(in ? root.Resolve(to, flags_of_directory)
                            : outside(to, flags_of_directory));
  }
  if (sides.existing.Get() < 0) {
    if (name.empty() || name == "." || name == "..") return -EISDIR;
    sides.parent.Reset(in ? root.Resolve(directory, O_PATH | O_DIRECTORY)
                          : outside(directory, O_PATH | O_DIRECTORY));
    if (sides.parent.Get() < 0) return sides.parent.Get();
  }
  return Copy(root, flags, work)
      .Run(sides.from.Get(), sides.parent.Get(), name, sides.existing.Take());
}

}  // namespace root
