#include "root/copy.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/kernel.h"
#include "base/result.h"
#include "root/copy_attributes.h"
#include "root/filesystem.h"

namespace root {
namespace {

constexpr size_t kAskedMost = 1000;  // entries that a filter is asked about in one go
constexpr size_t kAskingDepth = 32;  // further down, one by one: the answers are kept at each depth

using sys::result_of;

}  // namespace

Key key_of(const struct statx& found) {
  return {makedev(found.stx_dev_major, found.stx_dev_minor), found.stx_ino};
}

Copy::Copy(const Root& root, int flags, Work* work)
    : root_(root), flags_(flags), work_(work), threads_(this, root, flags, work) {}

int Copy::One(int from, int parent, const std::string& name, const struct statx& source) {
  return Told(File(from, parent, name, source, &threads_.Own()));
}

// Why something was refused on this thread, to whoever asked for the copy.
int Copy::Told(int done) {
  const Work& refused = threads_.Own().refused;
  if (done < 0 && (refused.reason != nullptr || !refused.system.empty() || refused.foreign)) {
    work_->reason = refused.reason;
    work_->system = refused.system;
    work_->foreign = refused.foreign;
  }
  return done;
}

int Copy::Tree(int from, int parent, const std::string& name, const struct statx& source,
               int existing) {
  system_ = key_of(source).device;
  int left = existing >= 0 ? Down(from, "", existing, source, false)
                           : Directory(from, name, parent, source);
  while (left >= 0 && !from_.Empty()) {
    if (work_->cancelled) return -ECANCELED;
    std::string found;
    left = Next(&found);
    if (left == 0) {
      left = Up();
    } else if (left == 1) {
      left = Entry(found);
      if (left < 0) work_->at = from_.PathTo(found);
    } else {
      work_->at = from_.PathTo("");
    }
  }
  const int given = threads_.Finish();
  if (given < 0) work_->at = from_.PathTo(threads_.Failed());
  return given < 0 ? given : Told(left);
}

// 1: an entry of the directory that we are in, which is to be copied; 0: there is none left.
int Copy::Next(std::string* name) {
  if (work_->filter == nullptr) {
    Walk::Entry entry;
    const int more = from_.Next(&entry);
    if (more == 1) name->assign(entry.name);
    return more;
  }
  Level& level = levels_.back();
  while (level.next == level.names.size()) {
    const int more = Ask(&level);
    if (more <= 0) return more;
  }
  *name = std::move(level.names[level.next++]);
  return 1;
}

int Copy::Ask(Level* level) {
  const size_t most = levels_.size() <= kAskingDepth ? kAskedMost : 1;
  std::vector<std::string> found;
  std::string question = from_.PathTo("") + '\0';
  while (found.size() < most) {
    Walk::Entry entry;
    const int more = from_.Next(&entry);
    if (more < 0) return more;
    if (more == 0) break;
    found.emplace_back(entry.name);
    question += found.back() + '\0';
  }
  level->names.clear();
  level->next = 0;
  if (found.empty()) return 0;
  std::string answer;
  const int asked = work_->filter->Ask(question, &answer);
  if (asked < 0) return asked;
  for (size_t i = 0; i < found.size() && i < answer.size(); i++) {
    if (answer[i] != 0) level->names.push_back(std::move(found[i]));
  }
  return 1;
}

int Copy::Entry(const std::string& name) {
  Fd file(result_of(::openat(from_.Top(), name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)));
  if (file.Get() == -ENOENT) return 0;  // gone since it was listed
  if (file.Get() < 0) return file.Get();
  struct statx source;
  int failed = stat(file.Get(), "", AT_EMPTY_PATH, &source);
  if (failed < 0) return failed;
  if (S_ISLNK(source.stx_mode) && (flags_ & kCopyFollow) != 0) {
    file.Reset((flags_ & kCopyIn) != 0
                   ? result_of(::openat(from_.Top(), name.c_str(), O_PATH | O_CLOEXEC))
                   : follow(root_, from_.Top(), name));
    if (file.Get() < 0) return file.Get();
    failed = stat(file.Get(), "", AT_EMPTY_PATH, &source);
    if (failed < 0) return failed;
  }
  if (S_ISDIR(source.stx_mode)) {
    return IsLeftOut(file.Get(), source) ? MountPoint(name, source)
                                         : Directory(file.Get(), name, to_.Top(), source);
  }
  // Names of one file are not for two threads.
  if (!S_ISREG(source.stx_mode) || source.stx_nlink > 1) {
    return File(file.Get(), to_.Top(), name, source, &threads_.Own());
  }
  return threads_.Give({std::move(file), to_.Top(), name, source});
}

// What is mounted there and is not copied: other file systems, where only one is wanted, and those
// that hold no files.
bool Copy::IsLeftOut(int directory, const struct statx& source) const {
  const uint64_t system = key_of(source).device;
  if ((flags_ & kCopyOneSystem) != 0 && system != system_) return true;
  return system != key_of(levels_.back().source).device && is_kernels(directory);
}

int Copy::MountPoint(const std::string& name, const struct statx& source) {
  const int made = threads_.Own().naming.Directory(to_.Top(), name);
  if (made == -EEXIST) return 0;
  if (made < 0) return made;
  work_->files++;
  const Fd to(open_directory_at(to_.Top(), name.c_str()));
  return to.Get() < 0
             ? to.Get()
             : finish(root_, to.Get(), source, flags_ & ~kCopyOwners, &threads_.Own().refused);
}

// A directory that is there already keeps what it is; one of ours gets its mode when it is full.
int Copy::Directory(int from, const std::string& name, int parent, const struct statx& source) {
  const int made = threads_.Own().naming.Directory(parent, name);
  if (made < 0 && made != -EEXIST) return made;
  const int to = open_directory_at(parent, name.c_str());
  return to < 0 ? to : Down(from, name, to, source, made >= 0);
}

// Takes `to`.
int Copy::Down(int from, const std::string& name, int to, const struct statx& source, bool made) {
  int done = threads_.Finish();  // to go on may close the directory above
  if (done < 0) {
    ::close(to);
    return done;
  }
  done = to_.Push(to, name);
  if (done < 0) return done;
  struct statx target;
  done = stat(to, "", AT_EMPTY_PATH, &target);
  if (done < 0) return done;
  const Key here = key_of(source);
  if (to_.Depth() == 1) {
    top_ = key_of(target);
    top_fd_.Reset(result_of(::openat(to, ".", O_PATH | O_CLOEXEC)));
    if (top_fd_.Get() < 0) return top_fd_.Get();
  }
  if (here == top_) return threads_.Own().naming.Refuse(-EINVAL, "same");  // into itself
  for (const Level& above : levels_) {
    if ((flags_ & kCopyFollow) != 0 && key_of(above.source) == here) return -ELOOP;
  }
  const int reading = open_directory_at(from, ".");
  done = reading < 0 ? reading : from_.Push(reading, name);
  if (done >= 0) levels_.push_back({source, made, {}, 0});
  return done;
}

int Copy::Up() {
  const int given = threads_.Finish();
  if (given < 0) return given;
  const Level& level = levels_.back();
  int done =
      level.made ? finish(root_, to_.Top(), level.source, flags_, &threads_.Own().refused) : 0;
  if (done < 0) work_->at = from_.PathTo("");
  if (level.made) work_->files++;
  levels_.pop_back();
  if (done >= 0) done = to_.Pop();
  if (done >= 0) done = from_.Pop();
  return done;
}

// Of openat2(2) and statx(2): what we have copied is there no more, or not as it was. A copy is
// made once more then; of any other error it is not known, and two files would be where one was.
static bool is_elsewhere(int error) {
  return error == -ENOENT || error == -ENOTDIR || error == -ELOOP || error == -EXDEV ||
         error == -EACCES;
}

int Copy::File(int from, int parent, const std::string& name, const struct statx& source,
               PerThread* own) {
  if (is_special(source.stx_mode)) {
    if ((flags_ & kCopySkip) != 0) return 0;
    if ((flags_ & kCopySpecial) == 0) return own->naming.Refuse(-EINVAL, "special");
  }
  const bool several = source.stx_nlink > 1;
  if (several) {
    const int linked = Link(key_of(source), parent, name, source, own);
    if (linked != 0) return linked < 0 ? linked : 0;
  }
  int done = 0;
  if (S_ISREG(source.stx_mode)) {
    done = Regular(from, parent, name, source, own);
  } else {
    char link[PATH_MAX + 1] = "";
    done = S_ISLNK(source.stx_mode) ? result_of(::readlinkat(from, "", link, sizeof link - 1)) : 0;
    if (done >= 0) link[done] = '\0';
    if (done >= 0) done = own->naming.Special(link, parent, name, source);
  }
  if (done < 0) return done;
  if (done == Naming::kKeep) return 0;
  work_->files++;
  struct statx made;
  if (!several || to_.Empty()) return 0;
  const int seen = stat(parent, name.c_str(), AT_SYMLINK_NOFOLLOW, &made);
  if (seen < 0) return is_elsewhere(seen) ? 0 : seen;
  links_.Add({key_of(source), key_of(made), to_.PathTo(name)});
  return 0;
}

int Copy::Regular(int from, int parent, const std::string& name, const struct statx& source,
                  PerThread* own) {
  const Fd reading(root_.Reopen(from, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (reading.Get() < 0) return reading.Get();
  Begun begun;
  int done = own->naming.Begin(parent, name, source, &begun);
  if (done < 0) return done;
  if (begun.skip) return Naming::kKeep;
  done = copy_content(reading.Get(), begun.file.Get(), source, flags_, &own->buffer, work_);
  return own->naming.End(&begun, done, reading.Get(), parent, name, source);
}

// > 0: the copy of this file has got a further name, or what has the name stays. 0: there is none
// yet, or it is not there any more.
int Copy::Link(const Key& key, int parent, const std::string& name, const struct statx& source,
               PerThread* own) {
  const Copied* copied = links_.Find(key);
  if (copied == nullptr) return 0;
  const kernel::OpenHow how = {O_PATH | O_NOFOLLOW | O_CLOEXEC, 0,
                               kernel::kBeneath | kernel::kNoSymlinks | kernel::kNoMagicLinks};
  const Fd file(resolve(top_fd_.Get(), copied->path, how));
  if (file.Get() < 0) return is_elsewhere(file.Get()) ? 0 : file.Get();
  struct statx now;
  const int failed = stat(file.Get(), "", AT_EMPTY_PATH, &now);
  if (failed < 0) return failed;
  if (key_of(now) != copied->copy) return 0;
  int why = 0;
  const int linked = own->naming.Link(file.Get(), parent, name, source, &why);
  if (linked == 1) work_->files++;
  return linked;
}

}  // namespace root
