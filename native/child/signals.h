// What signals do to a child, whatever it is: the first process of a pid namespace too. Through its
// pidfd: never through a pid, which may be another's.
#pragma once

namespace spawn {

// 0, or -errno.
int kill(int pidfd, int signal);

bool terminates(int signal);  // who does not handle it

// It is the first process of a pid namespace below ours, and neither handles this signal nor
// ignores, blocks or waits for it: then the kernel drops what ends every other process.
bool is_dropped(int pidfd, int signal);

// Sends it, and where that would not end what it is to end, SIGKILL too: then the signal that was
// meant is in *instead. `runs`: it is the program, and not the launcher any more, which handles no
// signal, but somebody else may have stopped it.
int end_process(int pidfd, int signal, bool runs, int* instead);

}  // namespace spawn
