/* Writes the files of a process in new namespaces: uid_map, gid_map, setgroups and timens_offsets.
 */
#include "maps.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "channel.h"
#include "create.h"
#include "helper.h"
#include "join.h"
#include "signals.h"
#include "syscalls.h"

#define MAP_WORDS 1400 /* more than numbers fit a page, with the program's name and the pid */

static struct helper mapper;

/* newuidmap(1): the program's name, our parent's pid, and the words of the map, which are cut
 * apart. */
static void run_map_program(char* program, char* map, int step) {
  static char pid[16];
  static char* words[MAP_WORDS];
  char* none[] = {0};
  unsigned count = 0;
  char* digit = pid + sizeof pid - 1;
  for (long rest = CALL0(getppid); rest > 0; rest /= 10) *--digit = (char)('0' + rest % 10);
  words[count++] = program;
  words[count++] = digit;
  for (char* at = map; *at != 0;) {
    if (count >= MAP_WORDS - 1) made(-E2BIG, step);
    words[count++] = at;
    while (*at > ' ') at++;
    while (*at != 0 && *at <= ' ') *at++ = 0;
  }
  words[count] = 0;
  const long child = made(CALL(clone, SIGCHLD_NUMBER, 0, 0, 0, 0), step);
  if (child == 0) {
    const long null = CALL4(openat, AT_FDCWD, "/dev/null", O_RDWR | O_CLOEXEC, 0);
    const long said =
        launch->helper_output < 0 ? null : CALL3(fcntl, launch->helper_output, F_DUPFD, 3);
    for (int i = 0; i < 3 && null >= 0; i++) CALL3(dup3, i < 2 ? null : said, i, 0);
    CALL3(close_range, 3, ~0u, 0);
    CALL3(execve, program, words, none);
    quit(127);
  }
  if (!has_ended_well(child)) made(-EPERM, step);
}

static void write_map(int self, const char* name, uint32_t map, uint32_t program, int step) {
  if (map == 0) return;
  if (program == 0) {
    write_text(self, name, text(map), step);
  } else {
    run_map_program(text(program), text(map), step + CREATE_NEWUIDMAP - CREATE_UID_MAP);
  }
}

static void write_maps(int self) {
  for (int i = 0; i < LAUNCH_JOINS && launch->types[i] == NEW_USER; i++) {
    const long joined = CALL2(setns, launch->joins[i], NEW_USER);
    if (joined < 0) fail(LAUNCH_SETNS, joined, NEW_USER);
  }
  /* An unprivileged gid_map wants setgroups denied before (CVE-2014-8989). */
  if (create->setgroups != 0)
    write_text(self, "setgroups", text(create->setgroups), CREATE_SETGROUPS);
  write_map(self, "uid_map", create->uid_map, create->uid_helper, CREATE_UID_MAP);
  write_map(self, "gid_map", create->gid_map, create->gid_helper, CREATE_GID_MAP);
  if (create->offsets != 0) {
    write_text(self, "timens_offsets", text(create->offsets), CREATE_OFFSETS);
  }
}

void start_mapper(void) {
  if ((create->uid_map | create->gid_map | create->setgroups | create->offsets) == 0) return;
  start_helper(&mapper, write_maps);
}

/* Only now, in here, nobody sees us: in what we have joined there is at most a child of ours. */
void be_mapped(void) {
  ask_helper(&mapper, own_files);
  hear_helper(&mapper);
}
