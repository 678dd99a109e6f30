#include "base/users.h"

#include <errno.h>
#include <pwd.h>

#include <vector>

namespace users {

std::string name_of(uid_t uid) {
  struct passwd entry;
  struct passwd* found = nullptr;
  std::vector<char> buffer(1024);
  while (::getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found) == ERANGE &&
         buffer.size() < (1 << 20)) {
    buffer.resize(buffer.size() * 4);
  }
  return found == nullptr ? std::string() : std::string(found->pw_name);
}

}  // namespace users
