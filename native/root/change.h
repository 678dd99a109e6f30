// The calls that change names, modes and owners. Each gives a value >= 0, or -errno; call.h says
// the rest.
#pragma once
#include "root/operation.h"

namespace root {

int64_t make_directory(Call* call, const std::string& path);
// Each directory on the way that is not there is made. Gives the length of the first one's path.
int64_t make_directories(Call* call);
int64_t rename(Call* call);
int64_t symlink(Call* call);
int64_t chmod(Call* call);
int64_t chown(Call* call);

}  // namespace root
