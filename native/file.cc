#include "file.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

namespace root {
namespace {

constexpr size_t kChunk = 512 << 10;  // bytes between two looks at `cancelled`
constexpr size_t kAtOnce = 1 << 20;   // bytes that kReadFile reads by itself

int result(long value) { return value == -1 ? -errno : static_cast<int>(value); }

}  // namespace

int64_t open(Call* call) {
  call->root->Become();
  call->opened.Reset(call->root->OpenFile(call->path, static_cast<int>(call->numbers[0]),
                                          static_cast<unsigned>(call->numbers[1]),
                                          call->numbers[2] != 0));
  return call->opened.Get() < 0 ? call->opened.Take() : 0;
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
  Fd file(call->root->OpenFile(call->path, static_cast<int>(call->numbers[0]), 0666,
                               call->numbers[1] != 0));
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
  call->root->Become();
  std::string path = call->path;
  const int followed = call->root->FollowLast(&path);
  if (followed < 0) return followed;
  std::string name;
  Fd parent(call->root->Parent(path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty() || name.back() == '/' || name == "." || name == "..") return -EISDIR;
  struct statx old;
  const int there = stat(parent.Get(), name.c_str(), AT_SYMLINK_NOFOLLOW, &old);
  if (there < 0 && there != -ENOENT) return there;
  if (there >= 0 && S_ISDIR(old.stx_mode)) return -EISDIR;
  if (there >= 0 && !S_ISREG(old.stx_mode)) return -EINVAL;
  Fd file;
  std::string made;
  for (int attempt = 0; attempt < 100; attempt++) {
    made = temporary_name();
    const unsigned mode = there >= 0 ? 0600 : static_cast<unsigned>(call->numbers[0]);
    file.Reset(result(::openat(parent.Get(), made.c_str(),
                               O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, mode)));
    if (file.Get() != -EEXIST) break;
  }
  if (file.Get() < 0) return file.Get();
  int done = 0;
  if (there >= 0) done = result(::fchown(file.Get(), old.stx_uid, old.stx_gid));
  if (there >= 0 && done >= 0) done = result(::fchmod(file.Get(), old.stx_mode & 07777));
  if (done < 0) {
    ::unlinkat(parent.Get(), made.c_str(), 0);
    return done;
  }
  call->opened = std::move(file);
  call->opened_second = std::move(parent);
  call->data = made + '\0' + name;
  return 0;
}

int64_t commit(Call* call) {
  const int safe = result(::fsync(call->fd));
  if (safe < 0) return safe;
  return result(::renameat(call->second, call->path.c_str(), call->second, call->other.c_str()));
}

}  // namespace root
