/* Forks into pid (and time) namespaces, in which only a child can be. All that is forked is Node's
 * child, as we are (CLONE_PARENT).
 *
 * In a joined pid namespace others see what appears, from before its first instruction, and may
 * hold it there. So who forks has closed all files but the program's, and never shares its own
 * memory: it stays outside, where nobody in there sees it, until the child has executed the program
 * or has ended (CLONE_VFORK), and passes on why it failed.
 */
#pragma once
#include "launch.h"

#define PAGE 4096         /* bytes, of a map */
long map_page(long file); /* -1: of memory that is shared with what we fork */
void share_forks(void);
void fork_created(void); /* returns in the child */

/* Returns in both. The child has the program's files and nothing else. */
long clone_joined(unsigned long more, volatile struct launch_report* said);
