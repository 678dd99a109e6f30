/* Gives the program a terminal.
 *
 * It is of the devpts that the program sees, so that its name means the same inside. What lies in a
 * devpts is the kernel's own: so from its root directory on, with no mount and no link on the way,
 * nothing of a container's making is opened. The other end goes to the addon while nobody else can
 * see us, and is closed here.
 */
#pragma once

/* After everything that has to be at 0, 1 and 2; before credentials change, since only root may
 * open the one of most devpts. `root`: the root directory that the program will have. */
void open_terminal(const char* root);

void control_terminal(void); /* of the session that has just begun */
