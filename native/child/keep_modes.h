// Starts a process that puts the modes of a terminal back when this one is killed
// (launcher/modes.h). Knows nothing of JavaScript.
#pragma once
#include "child/spawn.h"

namespace terminal {

// An fd of the pipe to it, by which it is told what we do: a byte 1 before the terminal `fd` is
// made raw, 0 when it has been put back. It ends when that is closed by all, by our end at the
// latest. Or -errno, with `failure` set and nothing left behind.
int keep_modes(int fd, spawn::Result* failure);

}  // namespace terminal
