// The operations by which an archive is unpacked, entry by entry; call.h says what they take. Each
// entry is put below one directory by the rules that copies have: see copy_name.h. Knows nothing of
// JavaScript.
#pragma once
#include "root/operation.h"

namespace root {

int64_t put(Call* call);
int64_t put_end(Call* call);
int64_t put_attributes(Call* call);

}  // namespace root
