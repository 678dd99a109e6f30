/* Finds the program, and becomes it. */
#pragma once

extern int missing; /* enum launch_missing, after ENOENT */

/* Returns only an error. argv[-1] has to be free. */
long search_and_execute(const char* file, char** argv, char** envp);
