/* Which files the program is given, where it begins with new numbers. */
#include "files.h"

#include <linux/fcntl.h>

#include "channel.h"
#include "syscalls.h"

/* Puts the wanted files at 0..stdio_count-1, our own behind them, and closes all others: before
 * any foreign path is looked at, so that no /proc/self/fd/N in it leads to a file of ours. */
void arrange_files(void) {
  int32_t* stdio = at(launch->stdio);
  int32_t* some[] = {&channel, &launch->root, &launch->directory, &launch->parent,
                     &launch->devices};
  int32_t* own[5 + LAUNCH_CGROUPS];
  const int count = (int)launch->stdio_count;
  int total = count;
  for (int i = 0; i < 5 + LAUNCH_CGROUPS; i++) {
    int32_t* file = i < 5 ? some[i] : &launch->cgroups[i - 5];
    if (*file >= 0) own[total++ - count] = file;
  }
  for (int i = 0; i < total; i++) {
    int32_t* file = i < count ? &stdio[i] : own[i - count];
    if (*file < 0 || *file >= total) continue;
    *file = (int32_t)must(CALL3(fcntl, *file, F_DUPFD_CLOEXEC, total), LAUNCH_DUP);
  }
  for (int i = 0; i < total; i++) {
    int32_t* file = i < count ? &stdio[i] : own[i - count];
    if (*file < 0) {
      CALL1(close, i);
      continue;
    }
    must(CALL3(dup3, *file, i, i < count ? 0 : O_CLOEXEC), LAUNCH_DUP);
    *file = i;
    if (i > 2) continue;
    long flags = CALL3(fcntl, i, F_GETFL, 0); /* a program expects its stdio to block */
    if (flags >= 0 && (flags & O_NONBLOCK)) CALL3(fcntl, i, F_SETFL, flags & ~O_NONBLOCK);
  }
  must(CALL3(close_range, total, ~0u, 0), LAUNCH_CLOSE_RANGE);
}
