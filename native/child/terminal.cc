#include "child/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/result.h"

namespace terminal {
using sys::result_of;

long read(int fd, char* bytes, size_t size) {
  size_t length = 0;
  while (length < size) {
    const long got = ::read(fd, bytes + length, size - length);
    if (got == -1 && errno == EINTR) continue;
    if (got > 0) {
      length += static_cast<size_t>(got);
      continue;
    }
    if (length > 0) break;  // why there is no more, the next call says
    return got == 0 ? kEnd : -errno;
  }
  return static_cast<long>(length);
}

long write(int fd, const char* bytes, size_t size) {
  long done;
  do {
    done = ::write(fd, bytes, size);
  } while (done == -1 && errno == EINTR);
  return done == -1 ? -errno : done;
}

int set_size(int fd, int columns, int rows) {
  const struct winsize size = {static_cast<unsigned short>(rows),
                               static_cast<unsigned short>(columns), 0, 0};
  return result_of(::ioctl(fd, TIOCSWINSZ, &size));
}

int get_size(int fd, int* columns, int* rows) {
  struct winsize size = {};
  const int done = result_of(::ioctl(fd, TIOCGWINSZ, &size));
  *columns = size.ws_col;
  *rows = size.ws_row;
  return done;
}

int open_again(int fd) {
  char path[40];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  return result_of(::open(path, O_RDWR | O_NOCTTY | O_NONBLOCK | O_CLOEXEC));
}

int get_modes(int fd, struct termios* modes) { return result_of(::tcgetattr(fd, modes)); }

// At once: what is still to be written may have stopped for ever. Who is in the background may do
// it while SIGTTOU is blocked.
int set_modes(int fd, const struct termios* modes) {
  sigset_t stop;
  sigset_t before;
  ::sigemptyset(&stop);
  ::sigaddset(&stop, SIGTTOU);
  ::sigprocmask(SIG_BLOCK, &stop, &before);  // this thread's; see mount_thread.cc
  const int done = result_of(::tcsetattr(fd, TCSANOW, modes));
  ::sigprocmask(SIG_SETMASK, &before, nullptr);
  return done;
}

int set_raw(int fd, const struct termios* modes) {
  struct termios raw = *modes;
  ::cfmakeraw(&raw);
  return result_of(::tcsetattr(fd, TCSANOW, &raw));  // stopped in the background, as others are
}

}  // namespace terminal
