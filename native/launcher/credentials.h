/* Who the process is. */
#pragma once

void leave_groups(void); /* before a user namespace is joined */
void change_credentials(void);

/* After the last change of credentials, which would undo it. */
void die_with_parent(void);
