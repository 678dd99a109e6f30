// Reaps what has ended in a joined pid namespace, where the event loop does not: its first process,
// and with it a container, cannot go before the last zombie in there has.
#pragma once

namespace late_reaper {

struct Watched;

// From now on; nullptr where there is no thread or file to be had, and only the event loop reaps.
// The event loop has a second for it: until then the pid is not given to anybody else.
Watched* watch(int pidfd);

// Of what waitid(2) does not know any more. 1 with how it ended; 0: it was not reaped here.
int status(Watched* watched, int* code, int* signal);

void forget(Watched* watched);  // also nullptr

}  // namespace late_reaper
