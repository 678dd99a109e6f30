// The handles of libuv's for processes that uv_spawn(3) did not start.
//
// libuv 1.52.0 and 1.52.1 take such a handle out of the loop's list of handles, and uv_close(3)
// takes it out once more, by what its neighbours in the list had been. By then these may be freed.
#pragma once
#include <uv.h>

namespace failed_process {

enum Fate {
  kStays = 0,    // in the list until it is closed
  kRemoved = 1,  // out of it already: restore() once it has been closed
  kUnknown = 2,  // a newer libuv: it must not be closed
};

Fate fate();

// Puts the handle that was closed last into the list again, which libuv takes it from at the end of
// this turn of the loop. It has to have failed and been closed just before.
void restore(uv_loop_t* loop);

}  // namespace failed_process
