// Our end of a terminal, and a terminal that is ours: what is read, written and set without ever
// waiting. Knows nothing of JavaScript.
#pragma once
#include <termios.h>

#include <cstddef>

namespace terminal {

// The other end has been closed by all: what is read as 0 by files of other kinds, too.
constexpr int kEnd = -5;  // -EIO

// As much as there is and fits: more than 0; -EAGAIN; kEnd; -errno. A terminal gives no more than
// 4 KiB at a time, and loses what nobody has read when we take a hangup for its end.
long read(int fd, char* bytes, size_t size);
// How much was taken, -EAGAIN, or -errno.
long write(int fd, const char* bytes, size_t size);

int set_size(int fd, int columns, int rows);
int get_size(int fd, int* columns, int* rows);

// Its own description of a terminal that others hold too: theirs stays blocking.
int open_again(int fd);
int get_modes(int fd, struct termios* modes);
int set_modes(int fd, const struct termios* modes);
// From these: every byte passes in both directions as it is.
int set_raw(int fd, const struct termios* modes);

}  // namespace terminal
