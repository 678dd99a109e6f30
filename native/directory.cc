#include "directory.h"

#include <dirent.h>
#include <errno.h>

#include <cstring>

namespace directory {

int names_in(const std::string& path, int most, std::vector<std::string>* names,
             const char** step) {
  *step = "open";
  DIR* const opened = ::opendir(path.c_str());
  if (opened == nullptr) return -errno;
  *step = "getdents";
  int left = most;
  for (const dirent* entry; errno = 0, (entry = ::readdir(opened)) != nullptr;) {
    if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
    if (left-- == 0) break;
    names->push_back(entry->d_name);
  }
  const int failed = left < 0 ? -EFBIG : -errno;
  ::closedir(opened);
  return failed;
}

}  // namespace directory
