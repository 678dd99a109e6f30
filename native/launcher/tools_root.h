/* The root directory of a program that has tools of ours: tools.h.
 *
 * What is the target's is opened below its root with no link on the way. Its /proc and /sys
 * come with all that is mounted in them: what the engine has covered stays covered. A new
 * /proc would not be: with uid 0 it writes the machine's settings. So where there is none to clone,
 * it has processes and nothing else, or is missing.
 */
#pragma once

void build_tools(void);        /* in the new mount namespace */
void mount_lacking_proc(void); /* in that root, where it lacks one */
