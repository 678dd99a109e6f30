#include "base/fd.h"

#include <sys/syscall.h>
#include <unistd.h>

namespace sys {

void Fd::Reset(int fd) {
  if (fd_ >= 0) ::close(fd_);
  fd_ = fd;
}

void part_files() {
  constexpr unsigned kUnshare = 1U << 1;  // CLOSE_RANGE_UNSHARE
  ::syscall(436 /* SYS_close_range */, 0U, ~0U, kUnshare);
}

}  // namespace sys
