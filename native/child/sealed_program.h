// What children get of the machine, and cannot change: programs, by their bytes in sealed memory or
// on a mount that is read-only for good, and the null device. An fd of each, made once,
// close-on-exec; or -errno.
#pragma once
#include <cstddef>

namespace program {

int seal(const void* bytes, size_t size);
int node();        // the one that we are
int preload();     // launcher/preload.c
int null();        // for the stdio that a child ignores
int plain_null();  // the same as it is, for a child like any of Node's, which sees its path

}  // namespace program
