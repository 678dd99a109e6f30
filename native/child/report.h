// A report of the launcher (launch.h), as it comes from the channel. Knows nothing of JavaScript.
#pragma once
#include "child/spawn.h"

namespace spawn {

// What came with a report: the pid of its sender, as we number processes, and a file; -1: none.
struct Signed {
  int pid = 0;
  int file = -1;
};

// One report. 1: read; 0: the program has been executed, or the launcher was killed; -errno.
int receive(int channel, bool with_file, launch_report* report, Signed* with);

// What a report says that has failed: -errno. What is no failure, or none that there is, breaks the
// protocol.
int failed(const Launch& launch, const launch_report& report, Result* result);

}  // namespace spawn
