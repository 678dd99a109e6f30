#include "root/operation.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "base/namespaces.h"
#include "root/change.h"
#include "root/file.h"
#include "root/filesystem.h"
#include "root/unpack.h"

namespace root {
namespace {

int64_t stat_file(Call* call) {
  const Fd file(call->root->Resolve(call->path, O_PATH | (call->numbers[0] != 0 ? 0 : O_NOFOLLOW)));
  if (file.Get() < 0) return file.Get();
  struct statx found;
  const int failed = stat(file.Get(), "", AT_EMPTY_PATH, &found);
  if (failed < 0) return failed;
  // As libuv has it where a file system knows of no birth.
  const struct statx_timestamp& birth =
      (found.stx_mask & STATX_BTIME) != 0 ? found.stx_btime : found.stx_ctime;
  const int64_t fields[] = {
      static_cast<int64_t>(makedev(found.stx_dev_major, found.stx_dev_minor)),
      found.stx_mode,
      found.stx_nlink,
      call->root->users.Inside(found.stx_uid),
      call->root->groups.Inside(found.stx_gid),
      static_cast<int64_t>(makedev(found.stx_rdev_major, found.stx_rdev_minor)),
      found.stx_blksize,
      static_cast<int64_t>(found.stx_ino),
      static_cast<int64_t>(found.stx_size),
      static_cast<int64_t>(found.stx_blocks),
      // As nanoseconds, 64 bits end in the year 2262.
      found.stx_atime.tv_sec,
      found.stx_atime.tv_nsec,
      found.stx_mtime.tv_sec,
      found.stx_mtime.tv_nsec,
      found.stx_ctime.tv_sec,
      found.stx_ctime.tv_nsec,
      birth.tv_sec,
      birth.tv_nsec,
  };
  call->data.assign(reinterpret_cast<const char*>(fields), sizeof fields);
  return S_ISDIR(found.stx_mode) && is_kernels(file.Get()) ? 1 : 0;
}

// These need no root, and go on when it has been closed.
bool is_by_fd(Operation operation) {
  return operation == Operation::kRead || operation == Operation::kWrite ||
         operation == Operation::kClose || operation == Operation::kSync;
}

// What has begun in the root ends in it, also when that is the root of nothing any more.
bool is_end(Operation operation) {
  return operation == Operation::kCommit || operation == Operation::kAbandon ||
         operation == Operation::kPutEnd;
}

int64_t perform(Call* call) {
  const Root* root = is_by_fd(call->operation) ? nullptr : &*call->root;
  const int64_t* numbers = call->numbers;
  switch (call->operation) {
    case Operation::kOpen:
      return open(call);
    case Operation::kReadFile:
      return read_file(call);
    case Operation::kStat:
      return stat_file(call);
    case Operation::kReadlink:
      return root->Readlink(call->path, &call->data);
    case Operation::kRealpath:
      return root->Realpath(call->path, &call->data);
    case Operation::kList:
      return list(*root, call->path, numbers[0] != 0, call, &call->data);
    case Operation::kMkdir:
      return numbers[1] != 0 ? make_directories(call) : make_directory(call, call->path);
    case Operation::kRemove:
      root->Become();
      return remove(*root, call->path, numbers[0] != 0, call);
    case Operation::kRename:
      return rename(call);
    case Operation::kChmod:
      return chmod(call);
    case Operation::kChown:
      return chown(call);
    case Operation::kSymlink:
      return symlink(call);
    case Operation::kCopy:
      return copy(*root, call->path, call->other, static_cast<int>(numbers[0]), call);
    case Operation::kRead:
      return read(call);
    case Operation::kWrite:
      return write(call);
    case Operation::kClose:
      return sys::close(call->fd);
    case Operation::kReplace:
      return replace(call);
    case Operation::kCommit:
      return commit(call);
    case Operation::kAbandon:
      return abandon(call);
    case Operation::kPut:
      return put(call);
    case Operation::kPutEnd:
      return put_end(call);
    case Operation::kAttributes:
      return put_attributes(call);
    case Operation::kSync:
      return ::fsync(call->fd) == 0 ? 0 : -errno;
  }
  return -ENOSYS;
}

}  // namespace

// Asked before and not after: what began in the root ends in it, since its mounts are held.
void run(Call* call) {
  const bool asks = !is_by_fd(call->operation) && !is_end(call->operation);
  call->value = asks ? call->root->Check() : 0;
  call->gone = call->value == -ESRCH || call->value == -ESTALE;
  if (call->value >= 0) call->value = perform(call);
  if (call->value < 0 && call->reason != nullptr) call->data = call->reason;
  call->root = Shared<Root>();  // not only when JavaScript has forgotten the call
}

}  // namespace root
