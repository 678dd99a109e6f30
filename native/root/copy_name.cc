#include "root/copy_name.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/fs.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/result.h"
#include "root/copy_attributes.h"
#include "root/filesystem.h"

namespace root {
namespace {

constexpr int kAttempts = 100;  // a name that somebody else keeps taking

using sys::result_of;

// The kernel's own word for where an open file is, in its mount namespace.
int name_of(const Root& root, int file, std::string* name) {
  char fd[16];
  char text[PATH_MAX];
  snprintf(fd, sizeof fd, "%d", file);
  const int length = result_of(::readlinkat(root.self(), fd, text, sizeof text));
  if (length >= 0) name->assign(text, static_cast<size_t>(length));
  return length;
}

}  // namespace

int follow(const Root& root, int directory, const std::string& name) {
  char text[PATH_MAX];
  const int length = result_of(::readlinkat(directory, name.c_str(), text, sizeof text));
  if (length < 0) return length;
  const std::string target(text, static_cast<size_t>(length));
  if (target[0] == '/') return root.ResolveFromTop(target, O_PATH);
  std::string top;
  std::string base;
  int failed = name_of(root, root.top(), &top);
  if (failed >= 0) failed = name_of(root, directory, &base);
  if (failed < 0) return failed;
  if (top == "/") top.clear();
  if (base.compare(0, top.size(), top) != 0) return -ENOENT;  // it has been moved out of the root
  return root.ResolveFromTop(base.substr(top.size()) + "/" + target, O_PATH);
}

int Naming::Refuse(int error, const char* reason) const {
  work_->reason = reason;
  return error;
}

bool Naming::LeadsToSpecial(int parent, const std::string& name) const {
  struct statx found;
  if ((flags_ & kCopyIn) == 0) {
    return stat(parent, name.c_str(), 0, &found) == 0 && is_special(found.stx_mode);
  }
  const Fd file(follow(root_, parent, name));
  return file.Get() >= 0 && stat(file.Get(), "", AT_EMPTY_PATH, &found) == 0 &&
         is_special(found.stx_mode);
}

int Naming::Existing() const {
  if ((flags_ & kCopyExclusive) != 0) return -EEXIST;
  return (flags_ & kCopyKeep) != 0 ? kKeep : kReplace;
}

int Naming::Judge(int parent, const std::string& name, const struct statx& source) const {
  struct statx found;
  const int failed = stat(parent, name.c_str(), AT_SYMLINK_NOFOLLOW, &found);
  if (failed == -ENOENT) return kFree;
  if (failed < 0) return failed;
  if (S_ISDIR(found.stx_mode)) return -EISDIR;
  if (found.stx_ino == source.stx_ino && found.stx_dev_major == source.stx_dev_major &&
      found.stx_dev_minor == source.stx_dev_minor) {
    return Refuse(-EINVAL, "same");
  }
  const int may = Existing();
  if (may != kReplace) return may;
  if (is_special(found.stx_mode)) {
    const bool equal = ((found.stx_mode ^ source.stx_mode) & S_IFMT) == 0 &&
                       found.stx_rdev_major == source.stx_rdev_major &&
                       found.stx_rdev_minor == source.stx_rdev_minor;
    return equal ? kKeep : Refuse(-EINVAL, "device");
  }
  if (S_ISLNK(found.stx_mode)) {
    return LeadsToSpecial(parent, name) ? Refuse(-EINVAL, "device") : kReplace;
  }
  const int mounted = Names::IsMountPoint(parent, name.c_str());
  return mounted < 0 ? mounted : mounted == 1 ? kInPlace : kReplace;
}

int Naming::Unlink(int parent, const std::string& name) {
  const int removed =
      IsIn() ? names_.Unlink(parent, name.c_str()) : result_of(::unlinkat(parent, name.c_str(), 0));
  return removed == -ENOENT ? 0 : removed;
}

int Naming::Directory(int parent, const std::string& name) {
  const Allowed allowed(root_, flags_, parent, work_);
  return allowed.Refused() < 0 ? allowed.Refused()
                               : result_of(::mkdirat(parent, name.c_str(), 0700));
}

// Of linkat(2): that a copy has to do, for the file system has no such link, or the file is gone.
static bool is_no_link(int error) {
  for (int one : {-EPERM, -EXDEV, -EMLINK, -ENOENT, -EACCES, -EOPNOTSUPP, -ENOSYS}) {
    if (error == one) return true;
  }
  return false;
}

int Naming::Link(int file, int parent, const std::string& name, const struct statx& source,
                 int* why) {
  char fd[16];
  snprintf(fd, sizeof fd, "%d", file);
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    const Allowed allowed(root_, flags_, parent, work_);
    if (allowed.Refused() < 0) return allowed.Refused();
    // Not everybody may give a further name to somebody else's file.
    const Allowed linked(root_, flags_, file, work_);
    if (linked.Refused() < 0) return linked.Refused();
    const int done = result_of(::linkat(root_.self(), fd, parent, name.c_str(), AT_SYMLINK_FOLLOW));
    if (done >= 0) return 1;
    *why = done == -EEXIST ? -EBUSY : done;
    if (is_no_link(done)) return 0;
    if (done != -EEXIST) return done;
    const int verdict = Judge(parent, name, source);
    if (verdict < 0 || verdict == kKeep) return verdict;
    if (verdict == kInPlace) return 0;
    const int removed = verdict == kFree ? 0 : Unlink(parent, name);
    if (removed < 0) return removed;
  }
  return -EEXIST;
}

int Naming::InPlace(int file, Begun* begun) {
  struct statx found;
  const int failed = stat(file, "", AT_EMPTY_PATH, &found);
  if (failed < 0) return failed;
  if (!S_ISREG(found.stx_mode)) return Refuse(-EINVAL, "device");
  const Allowed allowed(root_, flags_, file, work_);
  if (allowed.Refused() < 0) return allowed.Refused();
  begun->made.clear();
  begun->file.Reset(root_.Reopen(file, O_WRONLY | O_TRUNC | O_NOCTTY));
  return begun->file.Get() < 0 ? begun->file.Take() : 0;
}

int Naming::Begin(int parent, const std::string& name, const struct statx& source, Begun* begun) {
  const int verdict = Judge(parent, name, source);
  if (verdict < 0) return verdict;
  begun->skip = verdict == kKeep;
  if (begun->skip) return 0;
  if (verdict == kInPlace) {
    const Fd file(result_of(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)));
    return file.Get() < 0 ? file.Get() : InPlace(file.Get(), begun);
  }
  const int flags = O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    const Allowed allowed(root_, flags_, parent, work_);
    if (allowed.Refused() < 0) return allowed.Refused();
    begun->made = temporary_name();
    begun->file.Reset(result_of(::openat(parent, begun->made.c_str(), flags, 0600)));
    if (begun->file.Get() >= 0) return 0;
    if (begun->file.Get() != -EEXIST) break;
  }
  return begun->file.Take();
}

int Naming::End(Begun* begun, int done, int reading, int parent, const std::string& name,
                const struct statx& source) {
  const std::string& made = begun->made;
  if (made.empty()) return done;  // it keeps its owner and mode
  if (done >= 0) done = finish(root_, begun->file.Get(), source, flags_, work_);
  if (done >= 0) done = finish_capabilities(root_, reading, begun->file.Get(), flags_);
  if (done >= 0) done = TakeName(parent, made, name, source);
  if (done < 0 || done == kKeep) Unlink(parent, made);
  return done;
}

// Whatever has it by now: that may be another than Begin saw.
int Naming::TakeName(int parent, const std::string& made, const std::string& name,
                     const struct statx& source) {
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    const int taken = TakeFreeName(parent, made, name);
    if (taken != -EEXIST && taken != -EOPNOTSUPP) return taken;
    const int verdict = Judge(parent, name, source);
    if (verdict < 0 || verdict == kKeep) return verdict;
    if (verdict == kInPlace) return -EBUSY;
    if (verdict == kFree && taken == -EEXIST) continue;
    return IsIn() ? names_.Rename(parent, made.c_str(), parent, name.c_str())
                  : result_of(::renameat(parent, made.c_str(), parent, name.c_str()));
  }
  return -EEXIST;
}

// Replaces nothing, and so detaches no mount. Where a file system does not know that flag (NFS,
// 9p), a link does the same. -EOPNOTSUPP: neither can be had.
int Naming::TakeFreeName(int parent, const std::string& made, const std::string& name) {
  const Allowed allowed(root_, flags_, parent, work_);
  if (allowed.Refused() < 0) return allowed.Refused();
  const int done = result_of(
      ::syscall(SYS_renameat2, parent, made.c_str(), parent, name.c_str(), RENAME_NOREPLACE));
  if (done != -EINVAL && done != -ENOSYS) return done;
  const int linked = result_of(::linkat(parent, made.c_str(), parent, name.c_str(), 0));
  if (linked >= 0) return result_of(::unlinkat(parent, made.c_str(), 0));
  return is_no_link(linked) ? -EOPNOTSUPP : linked;
}

// What nobody makes by CAP_MKNOD in a user namespace; a whiteout, 0:0, everybody may (mknod(2)).
static bool is_device(const struct statx& file) {
  return S_ISBLK(file.stx_mode) ||
         (S_ISCHR(file.stx_mode) && (file.stx_rdev_major != 0 || file.stx_rdev_minor != 0));
}

int Naming::Special(const std::string& link, int parent, const std::string& name,
                    const struct statx& source) {
  if (is_device(source) && IsIn() && root_.IsForeign()) {
    const int verdict = Judge(parent, name, source);
    return verdict < 0 || verdict == kKeep ? verdict : Refuse(-EPERM, "node");
  }
  int done = -EEXIST;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    const Allowed allowed(root_, flags_, parent, work_);
    if (allowed.Refused() < 0) return allowed.Refused();
    done = result_of(S_ISLNK(source.stx_mode)
                         ? ::symlinkat(link.c_str(), parent, name.c_str())
                         : ::syscall(SYS_mknodat, parent, name.c_str(),
                                     (source.stx_mode & S_IFMT) | 0600,
                                     makedev(source.stx_rdev_major, source.stx_rdev_minor)));
    if (done != -EEXIST) break;
    const int verdict = Judge(parent, name, source);
    if (verdict < 0) return verdict;
    if (verdict == kKeep) return kKeep;
    if (verdict == kInPlace) return -EBUSY;
    const int removed = verdict == kFree ? 0 : Unlink(parent, name);
    if (removed < 0) return removed;
  }
  if (done < 0) return done;
  const Fd made(result_of(::openat(parent, name.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC)));
  if (made.Get() < 0) return made.Get();
  struct statx now;
  done = stat(made.Get(), "", AT_EMPTY_PATH, &now);
  if (done < 0) return done;
  // Not what we made: then it is left alone.
  if (((now.stx_mode ^ source.stx_mode) & S_IFMT) != 0) return 0;
  return finish(root_, made.Get(), source, flags_, work_);
}

}  // namespace root
