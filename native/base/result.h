// What a system call gives, as all native files hand it on: a value >= 0, or -errno.
#pragma once
#include <errno.h>

namespace sys {

inline int result_of(long value) { return value == -1 ? -errno : static_cast<int>(value); }

}  // namespace sys
