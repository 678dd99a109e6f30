/* For a launcher that Node has become (`enter` and `run`): it is the process that the caller's
 * shell knows, so all that is the caller's stays as it was. Where the program has to be a child, it
 * stays and waits, and ends as the program did.
 */
#pragma once
#include <stdint.h>

void take_place(char* number); /* argv[0] */
void keep_files(void);         /* in place of arrange_files() */

/* All but the caller's and these few; -1: none. */
void close_others(const int32_t* own, int count);

void fork_followed(void);   /* returns in the child */
void die_with_caller(void); /* in place of die_with_parent() */
void restore(void);         /* right before the exec: what we need otherwise ourselves */
