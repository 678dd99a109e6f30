/* Whose a system call is that supervisor.c has stopped: of which part of the library, and from
 * where in its code. Included there, once. */
#pragma once
#include <asm/termbits.h>
#include <fcntl.h>
#include <linux/seccomp.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include "calls.h"

static const char* name_of(int number) {
  for (int i = 0; i < kCalls; i++) {
    if (calls[i].number == number) return calls[i].name;
  }
  return "?";
}

static int runner; /* the program's pid */
static uint64_t addon_from, addon_to, addon_base;

static int find_mapping(int pid, const char* name, uint64_t pc, uint64_t* from, uint64_t* to,
                        uint64_t* base) {
  char path[64], line[512];
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE* maps = fopen(path, "re");
  if (maps == NULL) return 0;
  int found = 0;
  uint64_t first = 0;
  while (!found && fgets(line, sizeof line, maps) != NULL) {
    unsigned long start, end, offset;
    char mode[8];
    if (sscanf(line, "%lx-%lx %7s %lx", &start, &end, mode, &offset) != 4) continue;
    if (strstr(line, name) == NULL) continue;
    if (offset == 0) first = start;
    if (mode[2] != 'x' || (pc != 0 && (pc < start || pc >= end))) continue;
    *from = start, *to = end, *base = first;
    found = 1;
  }
  fclose(maps);
  return found;
}

static int is_runners(int tid) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/task/%d", runner, tid);
  return access(path, F_OK) == 0;
}

/* Where in the addon the call comes from: the first address of its code on the stack, near its top.
 */
static uint64_t caller_in_addon(int tid, uint64_t pc) {
  if (addon_to == 0) return 0;
  if (pc >= addon_from && pc < addon_to) return pc - addon_base;
  char path[64], text[256];
  snprintf(path, sizeof path, "/proc/%d/syscall", tid);
  const int file = open(path, O_RDONLY | O_CLOEXEC);
  const ssize_t length = file < 0 ? -1 : read(file, text, sizeof text - 1);
  if (file >= 0) close(file);
  if (length <= 0) return 0;
  text[length] = 0;
  unsigned long stack = 0;
  if (sscanf(text, "%*s %*s %*s %*s %*s %*s %*s %lx", &stack) != 1) return 0;
  uint64_t words[128];
  struct iovec here = {words, sizeof words}, there = {(void*)stack, sizeof words};
  const ssize_t got = process_vm_readv(tid, &here, 1, &there, 1, 0);
  for (ssize_t i = 0; i < got / 8; i++) {
    if (words[i] >= addon_from && words[i] < addon_to) return words[i] - addon_base;
  }
  return 0;
}

static int link_of(int tid, const char* name, char* text, size_t size) {
  char path[64];
  snprintf(path, sizeof path, "/proc/%d/%s", tid, name);
  const ssize_t length = readlink(path, text, size - 1);
  text[length < 0 ? 0 : length] = 0;
  return length > 0;
}

/* What never fails where the fd is one, and the write that wakes libuv's loop, without which it
 * ends the process. */
static int cannot_fail(int tid, const struct seccomp_data* data) {
  char text[256], name[32];
  if (data->nr == SYS_fcntl) return data->args[1] != F_DUPFD && data->args[1] != F_DUPFD_CLOEXEC;
  if (data->nr == SYS_ioctl) {
    const unsigned long request = data->args[1];
    return request == FIONBIO || request == FIOCLEX || request == FIONCLEX || request == TCGETS;
  }
  if (data->nr != SYS_read && data->nr != SYS_write) return 0;
  snprintf(name, sizeof name, "fd/%d", (int)data->args[0]);
  link_of(tid, name, text, sizeof text);
  return strcmp(text, "anon_inode:[eventfd]") == 0;
}

/* Of Node itself, what no caller is told of. */
static int is_nodes_own(int tid, const struct seccomp_data* data) {
  char text[256], name[32];
  switch (data->nr) {
    case SYS_read:
    case SYS_write:
    case SYS_fcntl:
    case SYS_ioctl:
      snprintf(name, sizeof name, "fd/%d", (int)data->args[0]);
      if (!link_of(tid, name, text, sizeof text)) return 1;
      return strncmp(text, "anon_inode:", 11) == 0 || strncmp(text, "pipe:", 5) == 0 ||
             strncmp(text, "/dev/", 5) == 0;
    default:
      return 0;
  }
}

/* The preloaded object in a Node that starts: looked for until it is there, as it soon is. */
static struct watched {
  int pid;
  int looks;
  uint64_t from, to, base;
} watched[64];
static int watching;

static int site_of(const struct seccomp_notif* call, char* site, size_t size) {
  static const char memory[] = "/memfd:linux-namespaces";
  const int tid = call->pid;
  const uint64_t pc = call->data.instruction_pointer;
  const char* name = name_of(call->data.nr);
  char exe[256];
  if (cannot_fail(tid, &call->data)) return 0;
  if (is_runners(tid)) {
    const char* who = tid == runner ? "main" : "thread";
    const uint64_t caller = caller_in_addon(tid, pc);
    if (caller != 0) {
      snprintf(site, size, "%s addon+%lx %s", who, (long)caller, name);
      return 1;
    }
    if (is_nodes_own(tid, &call->data)) return 0;
    snprintf(site, size, "%s node %s", who, name);
    return 1;
  }
  if (!link_of(tid, "exe", exe, sizeof exe)) return 0;
  if (strncmp(exe, memory, sizeof memory - 1) == 0) {
    snprintf(site, size, "child launcher+%lx %s", (long)pc, name);
    return 1;
  }
  char own[256];
  if (!link_of(runner, "exe", own, sizeof own) || strcmp(own, exe) != 0) return 0;
  struct watched* seen = NULL;
  for (int i = 0; i < watching && seen == NULL; i++) {
    if (watched[i].pid == tid) seen = &watched[i];
  }
  if (seen == NULL) {
    if (watching == 64) return 0;
    seen = &watched[watching++];
    *seen = (struct watched){.pid = tid};
    const uint64_t caller = caller_in_addon(tid, pc); /* a child on our memory, before its exec */
    if (caller != 0) {
      watching--;
      snprintf(site, size, "clone addon+%lx %s", (long)caller, name);
      return 1;
    }
  }
  if (seen->to == 0 && seen->looks++ < 200) {
    find_mapping(tid, memory, 0, &seen->from, &seen->to, &seen->base);
  }
  if (pc < seen->from || pc >= seen->to) return 0;
  snprintf(site, size, "child preload+%lx %s", (long)(pc - seen->base), name);
  return 1;
}
