/* New namespaces, and what was asked for in them. src/create/launcher-request.ts writes the struct.
 */
#pragma once
#include <stdint.h>

#include "launch.h"

#define CREATE_HOLD 1u  /* nothing is executed: the namespaces are kept until the channel closes */
#define CREATE_INIT 2u  /* the holder is the first process of the new pid namespace */
#define CREATE_OWNER 4u /* the new user namespace is to belong to `owner_uid` */

/* Offsets count from the start of this struct, 0 meaning "none", to texts that end with a zero. */
struct launch_create {
  uint32_t flags;
  uint32_t owner_uid;
  uint32_t owner_gid;
  uint32_t propagation; /* MS_*, 0: unchanged */
  uint32_t setgroups;
  uint32_t uid_map;
  uint32_t gid_map;
  uint32_t uid_helper; /* the program that writes uid_map for us; none: we may ourselves */
  uint32_t gid_helper;
  uint32_t offsets; /* of the clocks, as timens_offsets wants them */
  uint32_t hostname;
  uint32_t domainname;
  uint32_t loopback; /* 1: bring it up */
  uint32_t proc;     /* where to mount a new /proc */
  uint32_t files[8]; /* of each type, in the order of `kept` in bind.c: the file that keeps it */
  uint32_t binfmt;   /* where to mount binfmt_misc, after /proc */
  uint32_t interp;   /* what to register there */
  uint32_t tools;    /* the directory that has the programs, for a root of tools.c */
};

_Static_assert(__builtin_offsetof(struct launch_create, uid_helper) == 4 * LAUNCH_HELPERS,
               "the addon looks there");

/* `detail` of a report of LAUNCH_CREATE; src/create/failures.ts says what they are. */
enum create_step {
  CREATE_PROC,
  CREATE_HELPER,
  CREATE_OWNER_IDS,
  CREATE_SETGROUPS,
  CREATE_UID_MAP,
  CREATE_GID_MAP,
  CREATE_NEWUIDMAP,
  CREATE_NEWGIDMAP,
  CREATE_OFFSETS,
  CREATE_HOSTNAME,
  CREATE_DOMAINNAME,
  CREATE_LOOPBACK,
  CREATE_PROPAGATION,
  CREATE_ROOT,
  CREATE_PIVOT,
  CREATE_DETACH,
  CREATE_MOUNT_PROC,
  CREATE_MOUNT_BINFMT,
  CREATE_INTERP,
  CREATE_TOOLS_BASE,
  CREATE_TOOLS_CLONE,
  CREATE_TOOLS_ATTRIBUTES,
  CREATE_TOOLS_CONTAINER,
  CREATE_TOOLS_MOUNT,
  CREATE_TOOLS_FILE,
  CREATE_BIND /* and on: which of `files` */
};

extern struct launch_create* create; /* 0: nothing was asked for */
extern int parent_may_look;          /* into a process that nobody may look into */
extern int own_files; /* the files of a process that nobody may look into are root's, we are not */

/* What lies at an offset of it; 0: nothing. */
char* text(uint32_t offset);

/* Fails the creation, with a result below 0. */
long made(long result, int step);
void write_text(int directory, const char* name, const char* string, int step);

void prepare_creation(void); /* before anything is joined */
void create_namespaces(void);
