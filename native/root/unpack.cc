#include "root/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "base/result.h"
#include "root/copy_attributes.h"
#include "root/copy_name.h"
#include "root/walk.h"

namespace root {
namespace {

using sys::result_of;

// What an entry says of a file.
struct statx said(const Call& call) {
  struct statx source = {};
  source.stx_mode = static_cast<uint16_t>(call.numbers[1]);
  source.stx_uid = static_cast<uint32_t>(call.numbers[2]);
  source.stx_gid = static_cast<uint32_t>(call.numbers[3]);
  source.stx_mtime.tv_sec = call.numbers[4];
  source.stx_mtime.tv_nsec = static_cast<uint32_t>(call.numbers[5]);
  source.stx_atime = source.stx_mtime;
  source.stx_rdev_major = static_cast<uint32_t>(call.numbers[6]);
  source.stx_rdev_minor = static_cast<uint32_t>(call.numbers[7]);
  return source;
}

int put_directory(Naming* naming, int parent, const std::string& name) {
  const int made = naming->Directory(parent, name);
  if (made >= 0) return 1;
  if (made != -EEXIST) return made;
  const Fd there(open_directory_at(parent, name.c_str()));
  return there.Get() < 0 ? there.Get() : 0;
}

int put_link(Call* call, Naming* naming, int parent, const std::string& name) {
  const Fd file(call->root->Resolve(call->other, O_PATH | O_NOFOLLOW));
  if (file.Get() < 0) return file.Get();
  struct statx found;
  const int failed = stat(file.Get(), "", AT_EMPTY_PATH, &found);
  if (failed < 0) return failed;
  if (S_ISDIR(found.stx_mode)) return -EISDIR;
  int why = 0;
  const int linked = naming->Link(file.Get(), parent, name, found, &why);
  return linked == 0 ? why : linked < 0 ? linked : 0;
}

int put_file(Call* call, Naming* naming, Fd* parent, const std::string& name,
             const struct statx& source) {
  Begun begun;
  int done = naming->Begin(parent->Get(), name, source, &begun);
  if (done < 0) return done;
  if (begun.skip) return Naming::kKeep;
  if (call->numbers[8] != 0) {
    call->data = begun.made + '\0' + name;
    call->opened = std::move(begun.file);
    call->opened_second = std::move(*parent);
    return 0;
  }
  for (size_t written = 0; done >= 0 && written < call->data.size();) {
    done = result_of(
        ::write(begun.file.Get(), call->data.data() + written, call->data.size() - written));
    if (done >= 0) written += static_cast<size_t>(done);
  }
  done = naming->End(&begun, done, -1, parent->Get(), name, source);
  return done < 0 ? done : 0;
}

}  // namespace

int64_t put(Call* call) {
  call->root->Become();
  std::string name;
  Fd parent(call->root->Parent(call->path, &name));
  if (parent.Get() < 0) return parent.Get();
  const int flags = static_cast<int>(call->numbers[0]) | kCopyIn;
  Naming naming(*call->root, flags, call);
  const struct statx source = said(*call);
  switch (source.stx_mode & S_IFMT) {
    case 0:
      return put_link(call, &naming, parent.Get(), name);
    case S_IFDIR:
      return put_directory(&naming, parent.Get(), name);
    case S_IFREG:
      return put_file(call, &naming, &parent, name, source);
    default:
      return naming.Special(call->other, parent.Get(), name, source);
  }
}

int64_t put_end(Call* call) {
  call->root->Become();
  Begun begun;
  begun.file.Reset(result_of(::fcntl(call->fd, F_DUPFD_CLOEXEC, 0)));
  if (begun.file.Get() < 0) return begun.file.Get();
  begun.made = call->path;
  const int flags = static_cast<int>(call->numbers[0]) | kCopyIn;
  return Naming(*call->root, flags, call)
      .End(&begun, 0, -1, call->second, call->other, said(*call));
}

int64_t put_attributes(Call* call) {
  call->root->Become();
  const Fd directory(call->root->Resolve(call->path, O_RDONLY | O_DIRECTORY | O_NONBLOCK));
  if (directory.Get() < 0) return directory.Get();
  const int flags = static_cast<int>(call->numbers[0]) | kCopyIn;
  return finish(*call->root, directory.Get(), said(*call), flags, call);
}

}  // namespace root
