// The names in a directory. Knows nothing of JavaScript.
#pragma once
#include <string>
#include <vector>

namespace directory {

// At most `most`; -EFBIG where there are more, with the first of them. `step`: the system call.
int names_in(const std::string& path, int most, std::vector<std::string>* names, const char** step);

}  // namespace directory
