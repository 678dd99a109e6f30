/* Opens what lies below a directory, with what openat2(2) forbids on the way. */
#pragma once
#include <linux/openat2.h> /* RESOLVE_* */
#include <stdint.h>

long open_below(long directory, const char* path, uint64_t flags, uint64_t resolve);
