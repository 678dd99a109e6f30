/* What holds the target down, besides rights, for the program too. */
#include "bounds.h"

#include <linux/fcntl.h>
#include <stdint.h>

#include "channel.h"
#include "syscalls.h"
#include "tools.h"

#define LIMITS 16 /* RLIM_NLIMITS */
#define CORE 4    /* RLIMIT_CORE */

struct limit {
  uint64_t soft, hard;
};

static long write_own(const char* path, const char* text) {
  long length = 0;
  while (text[length] != 0) length++;
  const long file = CALL4(openat, AT_FDCWD, path, O_WRONLY | O_CLOEXEC, 0);
  if (file < 0) return file;
  const long written = CALL4(pwrite64, file, text, length, 0);
  CALL1(close, file);
  return written;
}

/* Before anything is joined: in our own /proc, and with the right to raise a limit. The label is
 * that of the next exec, so it comes after the start of whoever executes something for us. A
 * process that may be killed sooner than its target is no danger, nor is a limit that is too low.
 */
void prepare_bounds(void) {
  const struct limit* limits = at(launch->limits);
  if (launch->oom_score != 0) write_own("/proc/self/oom_score_adj", at(launch->oom_score));
  for (int i = 0; limits != 0 && i < LIMITS; i++) {
    struct limit own;
    if (CALL4(prlimit64, 0, i, 0, &own) < 0 || own.hard >= limits[i].hard) continue;
    own.hard = limits[i].hard;
    CALL4(prlimit64, 0, i, &own, 0);
  }
  if (launch->label == 0) return;
  must(write_own(at(launch->label_file), at(launch->label)), LAUNCH_LABEL);
}

/* Later, for it needs no right, and what we still have to do may need more than the program. */
void lower_limits(void) {
  const struct limit* limits = at(launch->limits);
  for (int i = 0; limits != 0 && i < LIMITS; i++) {
    struct limit own;
    if (CALL4(prlimit64, 0, i, 0, &own) < 0) continue; /* the kernel has no such limit */
    if (own.hard > limits[i].hard) own.hard = limits[i].hard;
    own.soft = limits[i].soft < own.hard ? limits[i].soft : own.hard;
    must(CALL4(prlimit64, 0, i, &own, 0), LAUNCH_PRLIMIT);
  }
  /* Whoever is the same user in the container ends a tool by SIGSEGV, and raises a soft limit of it
   * (prlimit): in the container's directories, its core would show him what it had in memory. */
  if (has_tools()) {
    static const struct limit none;
    must(CALL4(prlimit64, 0, CORE, &none, 0), LAUNCH_PRLIMIT);
  }
}
