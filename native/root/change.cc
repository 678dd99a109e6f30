#include "root/change.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/result.h"
#include "root/filesystem.h"
#include "root/mount_thread.h"

namespace root {
using sys::result_of;

int64_t make_directory(Call* call, const std::string& path) {
  call->root->Become();
  std::string name;
  const Fd parent(call->root->Parent(path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty()) return -EEXIST;
  const Change change(*call->root, parent.Get(), call);
  if (change.Refused() < 0) return change.Refused();
  return result_of(::mkdirat(parent.Get(), name.c_str(), static_cast<unsigned>(call->numbers[0])));
}

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
  call->root->Become();
  std::string from;
  std::string to;
  const Fd source(call->root->Parent(call->path, &from));
  if (source.Get() < 0) return source.Get();
  const Fd target(call->root->Parent(call->other, &to));
  if (target.Get() < 0) return target.Get();
  if (from.empty() || to.empty()) return -EBUSY;  // the root itself
  return Names(*call->root, call).Rename(source.Get(), from.c_str(), target.Get(), to.c_str());
}

int64_t symlink(Call* call) {
  call->root->Become();
  std::string name;
  const Fd parent(call->root->Parent(call->path, &name));
  if (parent.Get() < 0) return parent.Get();
  if (name.empty()) return -EEXIST;
  const Change change(*call->root, parent.Get(), call);
  if (change.Refused() < 0) return change.Refused();
  return result_of(::symlinkat(call->other.c_str(), parent.Get(), name.c_str()));
}

int64_t chmod(Call* call) {
  call->root->Become();
  const Fd file(call->root->Resolve(call->path, O_PATH));
  if (file.Get() < 0) return file.Get();
  const Change change(*call->root, file.Get(), call);
  if (change.Refused() < 0) return change.Refused();
  char name[16];
  snprintf(name, sizeof name, "%d", file.Get());
  return result_of(
      ::fchmodat(call->root->self(), name, static_cast<unsigned>(call->numbers[0]), 0));
}

// -1 leaves an id as it is, as in chown(2).
int64_t chown(Call* call) {
  call->root->Become();
  int64_t ids[2];
  for (int i = 0; i < 2; i++) {
    const int64_t given = call->numbers[i];
    const Ids& map = i == 0 ? call->root->users : call->root->groups;
    ids[i] = given == -1 ? -1 : map.Outside(static_cast<uint32_t>(given));
    if (given != -1 && ids[i] < 0) return ids[i];
  }
  const Fd file(call->root->Resolve(call->path, O_PATH));
  if (file.Get() < 0) return file.Get();
  const Change change(*call->root, file.Get(), call);
  if (change.Refused() < 0) return change.Refused();
  return result_of(::fchownat(file.Get(), "", static_cast<uid_t>(ids[0]),
                              static_cast<gid_t>(ids[1]), AT_EMPTY_PATH));
}

}  // namespace root
