/*
 * Goes before AddressSanitizer's library, which is in all that tests start: so that programs which
 * are not Node work with it as they do without.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* sanitizer/lsan_interface.h: not 0 where no leaks are looked for. */
int __lsan_is_turned_off(void);
char* textdomain(const char* name);

/*
 * LeakSanitizer looks by a process of its own, which traces the one that ends, and by /proc: where
 * that process would be in another pid namespace, or may not trace, the one that ends waits for
 * ever, or fails.
 */
int __lsan_is_turned_off(void) {
  struct stat ours, childrens;
  return strcmp(program_invocation_short_name, "node") != 0 ||
         access("/proc/self/maps", R_OK) != 0 || prctl(PR_GET_DUMPABLE) != 1 ||
         stat("/proc/self/ns/pid", &ours) != 0 ||
         stat("/proc/self/ns/pid_for_children", &childrens) != 0 || ours.st_ino != childrens.st_ino;
}

/* In AddressSanitizer's own, ps and pgrep of procps 4.0.2 wait for ever for a lock of libc's. */
char* textdomain(const char* name) { return (char*)name; }
