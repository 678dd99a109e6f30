/* Becomes the process that puts the modes of a terminal back where the command that has changed
 * them was killed. It has two files: 0 is a pipe, of which the command alone has the other end, and
 * 3 the terminal. By the pipe come, before anything else, the process group of who has started the
 * command (an int32_t), and from then on a byte whenever the terminal changes: 1 where it is made
 * raw, 0 where it has been put back. */
#pragma once

void keep_modes(void); /* returns where that was not asked for */
