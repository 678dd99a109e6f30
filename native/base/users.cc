#include "base/users.h"

#include <errno.h>
#include <grp.h>
#include <pwd.h>

#include <vector>

namespace users {
namespace {

// One of getpwuid_r(3) and its kin: with more space, as long as it wants some.
template <typename Entry, typename Key>
Entry* look_up(int (*find)(Key, Entry*, char*, size_t, Entry**), Key key, Entry* entry,
               std::vector<char>* buffer) {
  Entry* found = nullptr;
  buffer->resize(1024);
  while (find(key, entry, buffer->data(), buffer->size(), &found) == ERANGE &&
         buffer->size() < (1 << 20)) {
    buffer->resize(buffer->size() * 4);
  }
  return found;
}

}  // namespace

std::string name_of(uid_t uid) {
  struct passwd entry;
  std::vector<char> buffer;
  const struct passwd* found = look_up(::getpwuid_r, uid, &entry, &buffer);
  return found == nullptr ? std::string() : std::string(found->pw_name);
}

int64_t uid_of(const std::string& name) {
  struct passwd entry;
  std::vector<char> buffer;
  const struct passwd* found = look_up(::getpwnam_r, name.c_str(), &entry, &buffer);
  return found == nullptr ? -1 : int64_t{found->pw_uid};
}

int64_t gid_of(const std::string& name) {
  struct group entry;
  std::vector<char> buffer;
  const struct group* found = look_up(::getgrnam_r, name.c_str(), &entry, &buffer);
  return found == nullptr ? -1 : int64_t{found->gr_gid};
}

}  // namespace users
