/* The program has tools of ours in namespaces of others: a root directory of its own, in memory,
 * with our programs in it (read-only, nosuid) and the root of the target at /container. Here, what
 * is ours is cloned before anything is joined; tools_root.c makes the root.
 */
#pragma once
#include <linux/fcntl.h>
#include <linux/mount.h>
#include <stdint.h>

/* In our own mount namespace; who has no rights in it has them, from the target's user namespace
 * on, in a copy. */
void take_tools(void);
void take_tools_in_user_namespace(void);

/* ---- for tools_root.c ---- */

#define CLONED (OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_RECURSIVE)

enum { TOOL_FOLDERS = 7, TOOL_SETTINGS = 5, TOOL_FILES = 5, TOOL_DEVICES = 6 };

extern const char* const tool_folders[TOOL_FOLDERS];
extern const char* const tool_settings[TOOL_SETTINGS];
extern const char* const tool_files[TOOL_FILES];
extern const char* const tool_devices[TOOL_DEVICES];

/* What has been taken. Descriptors are -1 where there is none. */
extern struct tools {
  union {
    struct {
      int folder_trees[TOOL_FOLDERS], setting_trees[TOOL_SETTINGS], device_trees[TOOL_DEVICES];
    };
    int trees[TOOL_FOLDERS + TOOL_SETTINGS + TOOL_DEVICES];
  };
  char folder_links[TOOL_FOLDERS][256]; /* where a folder is a link */
  int files[TOOL_FILES];
} tools;
extern int pid_namespace; /* that is joined; -1 */

int has_tools(void);
void restrict_tree(int tree, uint64_t attributes);
int new_tmpfs(void);
int new_file(int root, const char* path);
