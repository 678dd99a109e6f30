// Copying between inside and outside, as tree.h says: what the words for the two sides mean. A copy
// goes where they say, and nowhere else; what cannot be replaced by a file is not.
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/result.h"
#include "root/copy.h"

namespace root {
namespace {

using sys::result_of;

// The copy's own path, inside or outside.
class Destination {
 public:
  Destination(const Root& root, const std::string& path, int flags)
      : root_(root), path_(path), flags_(flags) {
    split(path, &directory_, &name_);
    means_directory_ = name_.empty() || name_.back() == '/' || name_ == "." || name_ == "..";
    name_.resize(name_.find_last_not_of('/') + 1);
  }

  // Follows links, as whoever writes to this path does.
  int Open(int flags) const {
    return OpenPath(path_, (flags_ & kCopyEntry) != 0 ? flags | O_NOFOLLOW : flags);
  }
  int OpenParent() const { return OpenPath(directory_, O_PATH | O_DIRECTORY); }
  const std::string& name() const { return name_; }
  // It ends in a slash, `.` or `..`.
  bool MeansDirectory() const { return means_directory_; }
  // It ends in a name, which a directory can be made with.
  bool IsName() const { return !name_.empty() && name_ != "." && name_ != ".."; }

 private:
  int OpenPath(const std::string& path, int flags) const {
    return (flags_ & kCopyIn) != 0 ? root_.Resolve(path, static_cast<uint64_t>(flags))
                                   : result_of(::open(path.c_str(), flags | O_CLOEXEC));
  }

  const Root& root_;
  const std::string& path_;
  int flags_;
  std::string directory_;
  std::string name_;
  bool means_directory_ = false;
};

// 1: `directory` is the one with this key, or below it.
int is_within(int directory, const Key& key) {
  Fd at(result_of(::openat(directory, ".", O_PATH | O_DIRECTORY | O_CLOEXEC)));
  for (;;) {
    if (at.Get() < 0) return at.Get();
    struct statx found;
    int failed = stat(at.Get(), "", AT_EMPTY_PATH, &found);
    if (failed < 0) return failed;
    if (key_of(found) == key) return 1;
    Fd above(result_of(::openat(at.Get(), "..", O_PATH | O_DIRECTORY | O_CLOEXEC)));
    if (above.Get() == -EACCES || above.Get() == -ENOENT) return 0;  // cannot be told
    Identity here;
    Identity next;
    failed = identify(at.Get(), "", AT_EMPTY_PATH, &here);
    if (failed >= 0)
      failed = above.Get() < 0 ? above.Get() : identify(above.Get(), "", AT_EMPTY_PATH, &next);
    if (failed < 0) return failed;
    if (here == next) return 0;
    at = std::move(above);
  }
}

int copy_tree(const Root& root, int from, const Destination& to, const struct statx& source,
              int flags, Work* work) {
  Naming naming(root, flags, work);
  if ((flags & kCopyFlat) != 0) return naming.Refuse(-EISDIR, "flat");
  Fd existing(to.Open(O_RDONLY | O_DIRECTORY | O_NONBLOCK));
  Fd parent;
  if (existing.Get() < 0) {
    if (existing.Get() != -ENOENT || !to.IsName()) return existing.Get();
    parent.Reset(to.OpenParent());
    if (parent.Get() < 0) return parent.Get();
  }
  const int within = is_within(existing.Get() >= 0 ? existing.Get() : parent.Get(), key_of(source));
  if (within != 0) return within < 0 ? within : naming.Refuse(-EINVAL, "same");
  return Copy(root, flags, work).Tree(from, parent.Get(), to.name(), source, existing.Take());
}

// To a file by a link, which stays; or through a device of ours: as cp(1) does.
int copy_through(const Root& root, int from, int there, const struct statx& found,
                 const struct statx& source, int flags, Work* work) {
  Naming naming(root, flags, work);
  if (key_of(found) == key_of(source)) return naming.Refuse(-EINVAL, "same");
  if (S_ISDIR(found.stx_mode)) return -EISDIR;
  const int may = naming.Existing();
  if (may != Naming::kReplace) return may < 0 ? may : 0;
  const bool special = is_special(found.stx_mode);
  if (special && (flags & kCopyIn) != 0) return naming.Refuse(-EINVAL, "device");
  const Fd reading(root.Reopen(from, O_RDONLY | O_NONBLOCK | O_NOCTTY));
  if (reading.Get() < 0) return reading.Get();
  Begun begun;
  if (special) begun.file.Reset(open_stream(root, there, work));
  int done = special ? begun.file.Get() : naming.InPlace(there, &begun);
  if (done == -ENXIO) return naming.Refuse(done, "device");
  if (done < 0) return done;
  Buffer buffer;
  done = special ? stream_content(reading.Get(), begun.file.Get(), source, &buffer, work)
                 : copy_content(reading.Get(), begun.file.Get(), source, 0, &buffer, work);
  if (done >= 0) work->files++;
  return done;
}

int copy_file(const Root& root, int from, const Destination& to, const struct statx& source,
              int flags, Work* work) {
  Naming naming(root, flags, work);
  if (to.MeansDirectory()) {
    const Fd directory(to.Open(O_PATH | O_DIRECTORY));
    return directory.Get() == -ENOENT ? naming.Refuse(-ENOENT, "slash")
           : directory.Get() < 0      ? directory.Get()
                                      : -EISDIR;
  }
  const Fd parent(to.OpenParent());
  if (parent.Get() < 0) return parent.Get();
  struct statx found;
  int there = stat(parent.Get(), to.name().c_str(), AT_SYMLINK_NOFOLLOW, &found);
  if (there < 0 && there != -ENOENT) return there;
  const bool link = there >= 0 && S_ISLNK(found.stx_mode);
  const bool through = S_ISREG(source.stx_mode) && (flags & kCopyEntry) == 0;
  if (through && there >= 0 && (link || is_special(found.stx_mode))) {
    const Fd file(to.Open(O_PATH));
    const int may = naming.Existing();
    if (may != Naming::kReplace) return may < 0 ? may : 0;
    if (file.Get() < 0) return naming.Refuse(file.Get(), "dangling");
    there = stat(file.Get(), "", AT_EMPTY_PATH, &found);
    if (there < 0) return there;
    return copy_through(root, from, file.Get(), found, source, flags, work);
  }
  return Copy(root, flags, work).One(from, parent.Get(), to.name(), source);
}

bool is_root(const Root& root, const struct statx& source) {
  struct statx top;
  return stat(root.fd(), "", AT_EMPTY_PATH, &top) >= 0 && key_of(top) == key_of(source);
}

}  // namespace

int copy(const Root& root, const std::string& from, const std::string& to, int flags, Work* work) {
  const bool in = (flags & kCopyIn) != 0;
  if (from.empty() || to.empty()) return -ENOENT;
  const int how = O_PATH | ((flags & kCopyFollow) != 0 ? 0 : O_NOFOLLOW);
  const Fd file(in ? result_of(::open(from.c_str(), how | O_CLOEXEC))
                   : root.Resolve(from, static_cast<uint64_t>(how)));
  if (file.Get() < 0) return file.Get();
  struct statx source;
  const int failed = stat(file.Get(), "", AT_EMPTY_PATH, &source);
  if (failed < 0) return failed;
  if ((flags & kCopyAuto) != 0 && !in && is_root(root, source)) flags |= kCopySkip;
  if (in) root.Become();
  const Destination destination(root, to, flags);
  return S_ISDIR(source.stx_mode) ? copy_tree(root, file.Get(), destination, source, flags, work)
                                  : copy_file(root, file.Get(), destination, source, flags, work);
}

}  // namespace root
