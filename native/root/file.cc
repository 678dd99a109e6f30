#include "root/file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/result.h"
#include "root/filesystem.h"
#include "root/mount_thread.h"

namespace root {
namespace {

constexpr int kAttempts = 128;  // a name that comes and goes

constexpr size_t kChunk = 512 << 10;  // bytes between two looks at `cancelled`
constexpr size_t kAtOnce = 1 << 20;   // bytes that kReadFile reads by itself

using sys::result_of;

bool changes(int flags) { return (flags & O_ACCMODE) != O_RDONLY || (flags & O_TRUNC) != 0; }

// A new file, which is no other's. -EEXIST: it is there.
int create(const Root& root, const std::string& path, int flags, unsigned mode, Work* work) {
  std::string name;
  const Fd parent(root.Parent(path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty()) return -EISDIR;
  const Change change(root, parent.Get(), work);
  if (change.Refused() < 0) return change.Refused();
  return result_of(::openat(parent.Get(), name.c_str(),
                            flags | O_CREAT | O_EXCL | O_NOFOLLOW | O_NOCTTY | O_CLOEXEC, mode));
}

// What is there already: an O_PATH fd of it.
int open_found(const Root& root, int file, int flags, bool special, Work* work) {
  struct statx found;
  const int failed = stat(file, "", AT_EMPTY_PATH, &found);
  if (failed < 0) return failed;
  if (S_ISLNK(found.stx_mode)) return -ELOOP;  // O_NOFOLLOW
  if (is_special(found.stx_mode) && !special) return -EINVAL;
  if (S_ISDIR(found.stx_mode) && (flags & O_CREAT) != 0) return -EISDIR;
  if (!changes(flags)) return root.Reopen(file, flags | O_NOCTTY);
  const Change change(root, file, work);
  // What is written to a device or a FIFO changes nothing on the file system that it is on.
  if (change.Refused() < 0 && !is_special(found.stx_mode)) return change.Refused();
  if (is_special(found.stx_mode)) work->system.clear();
  return root.Reopen(file, flags | O_NOCTTY);
}

// open(2) in the root. A FIFO, device or socket is refused (-EINVAL) before it is opened, unless
// `special`.
int open_file(const Root& root, const std::string& given, int flags, unsigned mode, bool special,
              Work* work) {
  std::string path = given;
  const bool creates = (flags & O_CREAT) != 0;
  for (int attempt = 0; attempt < kAttempts; attempt++) {
    if (!creates || (flags & O_EXCL) == 0) {
      const Fd file(root.Resolve(path, O_PATH | (flags & (O_NOFOLLOW | O_DIRECTORY))));
      if (file.Get() >= 0) return open_found(root, file.Get(), flags, special, work);
      if (file.Get() != -ENOENT || !creates) return file.Get();
    }
    // It is not there. With O_EXCL it can only become a new file of ours.
    const int made = create(root, path, flags, mode, work);
    if (made != -EEXIST || (flags & O_EXCL) != 0) return made;
    // Somebody was faster; or it is a link that leads to where nothing is yet.
    const int followed = root.FollowLast(&path);
    if (followed < 0 && followed != -ENOENT) return followed;
  }
  return -ELOOP;
}

}  // namespace

int64_t open(Call* call) {
  call->root->Become();
  const auto flags = static_cast<int>(call->numbers[0]);
  call->opened.Reset(open_file(*call->root, call->path, flags,
                               static_cast<unsigned>(call->numbers[1]), call->numbers[2] != 0,
                               call));
  if (call->opened.Get() < 0) return call->opened.Take();
  return is_beyond(*call->root, call->opened.Get(), call);
}

int64_t read(Call* call) {
  const auto length = static_cast<size_t>(call->numbers[1]);
  call->data.resize(length);
  size_t done = 0;
  while (done < length) {
    if (call->cancelled) return -ECANCELED;
    const size_t wanted = length - done < kChunk ? length - done : kChunk;
    const int64_t position = call->numbers[0];
    char* to = call->data.data() + done;
    const long got = position < 0
                         ? ::read(call->fd, to, wanted)
                         : ::pread(call->fd, to, wanted, position + static_cast<int64_t>(done));
    if (got == -1 && errno == EINTR) continue;
    if (got == -1) return -errno;
    if (got == 0) break;
    done += static_cast<size_t>(got);
    if (call->numbers[2] == 0) break;
  }
  return static_cast<int64_t>(done);
}

int64_t write(Call* call) {
  const size_t length = call->data.size();
  size_t done = 0;
  while (done < length) {
    if (call->cancelled) return -ECANCELED;
    const size_t wanted = length - done < kChunk ? length - done : kChunk;
    const int64_t position = call->numbers[0];
    const char* from = call->data.data() + done;
    const long put = position < 0
                         ? ::write(call->fd, from, wanted)
                         : ::pwrite(call->fd, from, wanted, position + static_cast<int64_t>(done));
    if (put == -1 && errno == EINTR) continue;
    if (put == -1) return -errno;
    done += static_cast<size_t>(put);
  }
  return static_cast<int64_t>(done);
}

// What is small is had in one go; of what is larger, or of unknown size, the file is left open.
int64_t read_file(Call* call) {
  call->root->Become();
  Fd file(open_file(*call->root, call->path, static_cast<int>(call->numbers[0]), 0666,
                    call->numbers[1] != 0, call));
  if (file.Get() < 0) return file.Get();
  struct statx found;
  const int failed = stat(file.Get(), "", AT_EMPTY_PATH, &found);
  if (failed < 0) return failed;
  if (S_ISDIR(found.stx_mode)) return -EISDIR;
  const bool sized = S_ISREG(found.stx_mode) && found.stx_size > 0;
  if (sized && found.stx_size > kAtOnce) {
    call->opened = std::move(file);
    return static_cast<int64_t>(found.stx_size);
  }
  const size_t most = sized ? found.stx_size : kAtOnce;
  call->data.resize(sized ? most : 4096);
  size_t done = 0;
  while (done < most) {
    if (call->cancelled) return -ECANCELED;
    if (done == call->data.size()) call->data.resize(done * 4 < most ? done * 4 : most);
    const long got = ::read(file.Get(), call->data.data() + done, call->data.size() - done);
    if (got == -1 && errno == EINTR) continue;
    if (got == -1) return -errno;
    if (got == 0) break;
    done += static_cast<size_t>(got);
  }
  const bool more = !sized && done == most;
  call->data.resize(done);
  if (more) call->opened = std::move(file);
  return 0;
}

// A new file beside the one that it is going to replace, with the mode and owner of that.
int64_t replace(Call* call) {
  const Root& root = *call->root;
  root.Become();
  std::string path = call->path;
  const int followed = root.FollowLast(&path);
  if (followed < 0) return followed;
  std::string name;
  Fd parent(root.Parent(path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty() || name.back() == '/' || name == "." || name == "..") return -EISDIR;
  struct statx old;
  const int there = stat(parent.Get(), name.c_str(), AT_SYMLINK_NOFOLLOW, &old);
  if (there < 0 && there != -ENOENT) return there;
  if (there >= 0 && S_ISDIR(old.stx_mode)) return -EISDIR;
  if (there >= 0 && !S_ISREG(old.stx_mode)) return -EINVAL;
  // The kernel says so in the end; before all is written is a better time to hear it.
  if (Names::IsMountPoint(parent.Get(), name.c_str()) == 1) return -EBUSY;
  const Change change(root, parent.Get(), call);
  if (change.Refused() < 0) return change.Refused();
  Fd file;
  std::string made;
  for (int attempt = 0; attempt < 100; attempt++) {
    made = temporary_name();
    const unsigned mode = there >= 0 ? 0600 : static_cast<unsigned>(call->numbers[0]);
    file.Reset(result_of(::openat(parent.Get(), made.c_str(),
                                  O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)));
    if (file.Get() != -EEXIST) break;
  }
  if (file.Get() < 0) return file.Get();
  int done = 0;
  // Nobody inside could give a file to an owner that is unknown there.
  if (there >= 0 && !root.Knows(old)) {
    call->foreign = true;
    done = -EPERM;
  }
  if (there >= 0 && done >= 0) done = result_of(::fchown(file.Get(), old.stx_uid, old.stx_gid));
  if (there >= 0 && done >= 0) done = result_of(::fchmod(file.Get(), old.stx_mode & 07777));
  if (done < 0) {
    Names(root, call).Unlink(parent.Get(), made.c_str());
    return done;
  }
  call->opened = std::move(file);
  call->opened_second = std::move(parent);
  call->data = made + '\0' + name;
  return 0;
}

int64_t commit(Call* call) {
  const int safe = result_of(::fsync(call->fd));
  if (safe < 0) return safe;
  call->root->Become();
  return Names(*call->root, call)
      .Rename(call->second, call->path.c_str(), call->second, call->other.c_str());
}

int64_t abandon(Call* call) {
  call->root->Become();
  return Names(*call->root, call).Unlink(call->second, call->path.c_str());
}

}  // namespace root
