/* What is mounted in a new mount namespace, and its root. */
#pragma once
#include <linux/mount.h>

#define KERNELS_OWN (MS_NOSUID | MS_NODEV | MS_NOEXEC)

/* Whether the root that was asked for has been entered. */
int arrange_mounts(void);
