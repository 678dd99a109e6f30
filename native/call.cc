#include "call.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "file.h"
#include "sys.h"

namespace root {
namespace {

int result(long value) { return value == -1 ? -errno : static_cast<int>(value); }

int64_t stat_file(Call* call) {
  const Fd file(call->root->Resolve(call->path, O_PATH | (call->numbers[0] != 0 ? 0 : O_NOFOLLOW)));
  if (file.Get() < 0) return file.Get();
  struct statx found;
  const int failed = stat(file.Get(), "", AT_EMPTY_PATH, &found);
  if (failed < 0) return failed;
  const auto time = [](const struct statx_timestamp& at) {
    return static_cast<int64_t>(at.tv_sec) * 1'000'000'000 + at.tv_nsec;
  };
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
      time(found.stx_atime),
      time(found.stx_mtime),
      time(found.stx_ctime),
      // As libuv has it where a file system knows of no birth.
      time((found.stx_mask & STATX_BTIME) != 0 ? found.stx_btime : found.stx_ctime),
  };
  call->data.assign(reinterpret_cast<const char*>(fields), sizeof fields);
  return 0;
}

int64_t make_directory(Call* call, const std::string& path) {
  std::string name;
  const Fd parent(call->root->Parent(path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty()) return -EEXIST;
  return result(::mkdirat(parent.Get(), name.c_str(), static_cast<unsigned>(call->numbers[0])));
}

// Each directory on the way that is not there is made. Gives the length of the first one's path.
int64_t make_directories(Call* call) {
  const std::string& path = call->path;
  if (path.empty()) return -ENOENT;
  int64_t first = 0;
  size_t end = 0;
  while (end < path.size()) {
    const size_t start = path.find_first_not_of('/', end);
    if (start == std::string::npos) break;
    end = path.find('/', start);
    if (end == std::string::npos) end = path.size();
    const std::string part = path.substr(0, end);
    const Fd there(call->root->Resolve(part, O_PATH | O_DIRECTORY));
    if (there.Get() >= 0) continue;
    if (there.Get() == -ENOTDIR && end == path.size()) return -EEXIST;
    if (there.Get() != -ENOENT) return there.Get();
    const int64_t made = make_directory(call, part);
    if (made < 0 && made != -EEXIST) return made;
    if (made >= 0 && first == 0) first = static_cast<int64_t>(end);
    if (made == -EEXIST) {
      const Fd now(call->root->Resolve(part, O_PATH | O_DIRECTORY));
      if (now.Get() < 0) return now.Get();
    }
  }
  return first;
}

int64_t rename(Call* call) {
  std::string from;
  std::string to;
  const Fd source(call->root->Parent(call->path, &from));
  if (source.Get() < 0) return source.Get();
  const Fd target(call->root->Parent(call->other, &to));
  if (target.Get() < 0) return target.Get();
  if (from.empty() || to.empty()) return -EBUSY;  // the root itself
  return result(::renameat(source.Get(), from.c_str(), target.Get(), to.c_str()));
}

int64_t symlink(Call* call) {
  call->root->Become();
  std::string name;
  const Fd parent(call->root->Parent(call->path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty()) return -EEXIST;
  return result(::symlinkat(call->other.c_str(), parent.Get(), name.c_str()));
}

// -1 leaves an id as it is, as in chown(2).
int64_t chown(Call* call) {
  int64_t ids[2];
  for (int i = 0; i < 2; i++) {
    const int64_t given = call->numbers[i];
    const Ids& map = i == 0 ? call->root->users : call->root->groups;
    ids[i] = given == -1 ? -1 : map.Outside(static_cast<uint32_t>(given));
    if (given != -1 && ids[i] < 0) return ids[i];
  }
  const Fd file(call->root->Resolve(call->path, O_PATH));
  if (file.Get() < 0) return file.Get();
  return result(::fchownat(file.Get(), "", static_cast<uid_t>(ids[0]), static_cast<gid_t>(ids[1]),
                           AT_EMPTY_PATH));
}

// These need no root, and go on when it has been closed.
bool is_by_fd(Operation operation) {
  return operation == Operation::kRead || operation == Operation::kWrite ||
         operation == Operation::kClose || operation == Operation::kCommit ||
         operation == Operation::kAbandon;
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
      root->Become();
      return numbers[1] != 0 ? make_directories(call) : make_directory(call, call->path);
    case Operation::kRemove:
      return remove(*root, call->path, numbers[0] != 0, call);
    case Operation::kRename:
      return rename(call);
    case Operation::kChmod:
      return root->Chmod(call->path, static_cast<unsigned>(numbers[0]));
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
      return result(::unlinkat(call->second, call->path.c_str(), 0));
  }
  return -ENOSYS;
}

}  // namespace

// Asked before and not after: what began in the root ends in it, since its mounts are held.
void run(Call* call) {
  call->value = is_by_fd(call->operation) ? 0 : call->root->Check();
  call->gone = call->value == -ESRCH || call->value == -ESTALE;
  if (call->value >= 0) call->value = perform(call);
  if (call->value < 0 && call->reason != nullptr) call->data = call->reason;
  call->root = Shared<Root>();  // not only when JavaScript has forgotten the call
}

}  // namespace root
