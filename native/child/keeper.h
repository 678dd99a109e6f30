// A thread that a child is tied to, because the kernel's "die with your parent" means the thread
// that cloned it. Knows nothing of JavaScript, nor of how a child is made.
#pragma once

namespace keeper {

struct Keeper;

bool is_first_thread();  // the one that ends with the process

// Runs `work(data)` on a new thread, which has the namespaces of the calling one, and returns when
// that is done; the thread stays until end(). What the work returns, or -errno; where it fails (<
// 0), the thread ends and *keeper stays nullptr.
int start(int (*work)(void*), void* data, Keeper** keeper);

// After the end of the child.
void end(Keeper* keeper);

}  // namespace keeper
