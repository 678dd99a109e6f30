// The calls on one file and its content. Each gives a value >= 0, or -errno; call.h says the rest.
#pragma once
#include "root/operation.h"

namespace root {

int64_t open(Call* call);
int64_t read_file(Call* call);
int64_t read(Call* call);
int64_t write(Call* call);
int64_t replace(Call* call);
int64_t commit(Call* call);
int64_t abandon(Call* call);

}  // namespace root
