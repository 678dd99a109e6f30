// Programs that nobody can change, whoever sees them run: by their bytes in sealed memory, or on a
// mount that is read-only for good. An fd of each, made once, close-on-exec; or -errno.
#pragma once
#include <cstddef>

namespace program {

int seal(const void* bytes, size_t size);
int node();     // the one that we are
int preload();  // launcher/preload.c

}  // namespace program
