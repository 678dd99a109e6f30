/* Root and working directory. */
#pragma once

#define PATH_MOST 4096

void enter_root(void); /* the one that is given by its fd; once */

/* With all that is mounted before the program begins. */
void change_directory(void);
