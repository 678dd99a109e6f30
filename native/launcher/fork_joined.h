/* The launcher's fork into a joined pid namespace, and the second one below that; fork.h says how.
 */
#pragma once

void fork_joined(void); /* returns in what becomes the program */
