/* The part of create.h that writes the files of a process in new namespaces: uid_map, gid_map,
 * setgroups and timens_offsets. Included there, once.
 *
 * That is done by a process of its own, the mapper, which is forked before anything is joined: it
 * is in no pid namespace where others see it, only there it has the right to map others than
 * ourselves, and the programs that it runs are those of this side. Of all that is to be joined it
 * joins the user namespace alone, for a map is written from the one above.
 */
#pragma once

#define MAP_WORDS 1400 /* more than numbers fit a page, with the program's name and the pid */

static long mapper; /* its pid; 0: there is none */
static int mapper_socket;
static int own_files; /* the files of a process that nobody may look into are root's, we are not */

static int has_ended_well(long child) {
  int status = 0;
  long done;
  do {
    done = CALL4(wait4, child, &status, 0, 0);
  } while (done == -EINTR);
  return done == child && status == 0;
}

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
    for (int i = 0; i < 3 && null >= 0; i++) CALL3(dup3, null, i, 0);
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

/* What fails is reported to the launcher: `channel` is its socket. With it we end, stopped or not.
 */
static void be_mapper(int self) {
  char go;
  CALL(prctl, PR_SET_PDEATHSIG, SIGKILL_NUMBER, 0, 0, 0);
  long asked_to;
  do {
    asked_to = CALL3(read, channel, &go, 1);
  } while (asked_to == -EINTR);
  if (asked_to < 0) fail(LAUNCH_RECEIVE, asked_to, 0);
  if (asked_to != 1) quit(1);
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
  quit(0);
}

/* Before anything is joined: afterwards, /proc is any other. */
static void start_mapper(void) {
  if ((create->uid_map | create->gid_map | create->setgroups | create->offsets) == 0) return;
  struct statfs system;
  int pair[2];
  const long proc =
      made(CALL4(openat, AT_FDCWD, "/proc", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), CREATE_PROC);
  made(CALL2(fstatfs, proc, &system), CREATE_PROC);
  if (system.f_type != PROC_SUPER_MAGIC) made(-ENOTDIR, CREATE_PROC);
  const long self =
      made(CALL4(openat, proc, "self", O_PATH | O_DIRECTORY | O_CLOEXEC, 0), CREATE_PROC);
  CALL1(close, proc);
  made(CALL4(socketpair, 1 /* AF_UNIX */, 1 | O_CLOEXEC /* SOCK_STREAM */, 0, pair), CREATE_HELPER);
  mapper = made(CALL(clone, SIGCHLD_NUMBER, 0, 0, 0, 0), CREATE_HELPER);
  if (mapper == 0) {
    forks = 0;
    CALL1(close, pair[0]);
    CALL1(close, channel);
    channel = pair[1];
    be_mapper((int)self);
  }
  CALL1(close, self);
  CALL1(close, pair[1]);
  mapper_socket = pair[0];
}

/* Only now, in here, nobody sees us: in what we have joined there is at most a child of ours. */
static void be_mapped(void) {
  if (mapper == 0) return;
  if (own_files) CALL(prctl, PR_SET_DUMPABLE, 1, 0, 0, 0);
  const long sent = say(mapper_socket, "", 1);
  if (sent < 0 && sent != -EPIPE) made(sent, CREATE_HELPER); /* EPIPE: it has failed already */
  struct launch_report words;
  long length;
  do {
    length = CALL3(read, mapper_socket, &words, sizeof words);
  } while (length == -EINTR);
  const int well = has_ended_well(mapper);
  CALL(prctl, PR_SET_DUMPABLE, 0, 0, 0, 0);
  CALL1(close, mapper_socket);
  if (length == sizeof words) fail(words.step, words.error, words.detail);
  if (!well) made(-EIO, CREATE_HELPER);
}
