/* Enters the namespaces and cgroups that others have made. */
#pragma once
#include <stdint.h>

/* As linux/sched.h has them, for comparisons with what has no sign. */
#define NEW_MNT 0x00020000u
#define NEW_CGROUP 0x02000000u
#define NEW_USER 0x10000000u
#define NEW_PID 0x20000000u

/* Calls this in each user namespace, if it is not 0, before others are tried from there. */
void join(void (*has_joined_user)(void));
int is_joined(uint32_t type);

void enter_cgroups(void); /* once: there are none to enter afterwards */
