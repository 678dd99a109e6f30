/* Becomes the process that holds new namespaces, and is the first of a new pid namespace. */
#pragma once

void hold(void); /* returns where that was not asked for */
