// A thread that reaps children whom the event loop does not, or not soon: those that nobody waits
// for any more, and those in a joined pid namespace, whose first process, and with it a container,
// cannot go before the last zombie in there has. Knows nothing of JavaScript.
#pragma once

#include "child/keeper.h"

namespace reaper {

struct Watched;

// Nobody is left to wait for the child (a terminated Worker): it is reaped when it ends, and its
// keeper, if it has one, let go. Takes the pidfd.
void leave(int pidfd, keeper::Keeper* keeper = nullptr);

// Reaped a second or two after its end, if nobody has asked for it by then: until then the pid is
// not given to anybody else. nullptr where there is no thread or file to be had, and only the event
// loop reaps.
Watched* watch(int pidfd);

// Of what waitid(2) does not know any more. 1 with how it ended; 0: it was not reaped here.
int status(Watched* watched, int* code, int* signal);

void forget(Watched* watched);  // also nullptr

}  // namespace reaper
