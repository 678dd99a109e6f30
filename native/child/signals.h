// What signals do to a child, whatever it is: the first process of a pid namespace too. Through its
// pidfd: never through a pid, which may be another's.
#pragma once

namespace spawn {

// 0, or -errno.
int kill(int pidfd, int signal);

bool terminates(int signal);  // who does not handle it

// What becomes of a signal that ends a process: the first one of a pid namespace below ours gets
// only what it handles, or blocks and waits for. All else the kernel drops, at once or when it is
// unblocked.
enum class Fate { kReaches, kHandled, kBlocked, kDropped };
Fate fate_of(int pidfd, int signal);

// Sends it, and where that would not end what it is to end, SIGKILL too: then the signal that was
// meant is in *instead. `runs`: it is the program, and not the launcher any more, which handles no
// signal, but somebody else may have stopped it. *fate: what was seen; where it was blocked, only
// for a moment maybe, as all signals are while a thread starts, it may be dropped yet.
int end_process(int pidfd, int signal, bool runs, int* instead, Fate* fate);

// Later: a signal that was blocked then, and is neither blocked nor handled now, was dropped. So
// was one whose handler is gone, as Node's own is, which raises it again: by `last` it had its
// time. SIGKILL is sent then. Returns whether to ask once more.
bool insist(int pidfd, int signal, bool last, int* instead, Fate* fate);

}  // namespace spawn
