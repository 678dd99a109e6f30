/* Says what failed where nobody hears a report. */
#pragma once

/* On stderr, in the words that came with the request. As report(): 1. */
int explain(int step, int error, int detail);
