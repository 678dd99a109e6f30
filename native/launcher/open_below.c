/* Opens what lies below a directory, with what openat2(2) forbids on the way. */
#include "open_below.h"

#include <linux/fcntl.h>
#include <linux/openat2.h>

#include "syscalls.h"

long open_below(long directory, const char* path, uint64_t flags, uint64_t resolve) {
  const struct open_how how = {.flags = flags | O_CLOEXEC, .resolve = resolve};
  return CALL4(openat2, directory, path, &how, sizeof how);
}
