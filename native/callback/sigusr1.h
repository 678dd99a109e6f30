// SIGUSR1, with which Node opens its debugger. Node opens it on whatever thread, wherever that is,
// so while contexts live the signal is caught here and only noted; JavaScript then serves it
// outside.
#pragma once

namespace debugger {

// Called in the signal handler: must be async-signal-safe (uv_async_send is).
using Notify = void (*)(void* data);

bool hold(Notify notify, void* data);  // false: SIGUSR1 is not Node's, nothing was changed
void release();  // Node's own handler again, unless somebody else took it since

}  // namespace debugger
