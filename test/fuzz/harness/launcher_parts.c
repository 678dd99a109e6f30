/* The launcher compiled as an ordinary program, for launcher_request.cc, with its system calls
 * answered by the input. `_start` is renamed, and what it remembers set back before each run, by
 * what builds this (scripts/harness.mjs). */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

long answer(long number, long a, long b, long c, long d, long e);

#include "launcher/syscalls.h"
#undef CALL
#define CALL(name, a, b, c, d, e) \
  answer(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e))
#define clone_and_leave(flags, stack, leave) \
  ((void)(stack), (void)(leave), answer(__NR_clone, (long)(flags), 0, 0, 0, 0))

#include "launcher/bind.c"
#include "launcher/bounds.c"
#include "launcher/channel.c"
#include "launcher/create.c"
#include "launcher/credentials.c"
#include "launcher/directory.c"
#include "launcher/execute.c"
#include "launcher/files.c"
#include "launcher/fork.c"
#include "launcher/fork_joined.c"
#include "launcher/helper.c"
#include "launcher/hold.c"
#include "launcher/in_place.c"
#include "launcher/join.c"
#include "launcher/launcher.c"
#include "launcher/maps.c"
#include "launcher/mounts.c"
#include "launcher/open_below.c"
#include "launcher/signals.c"
#include "launcher/terminal.c"
#include "launcher/tools.c"
#include "launcher/tools_root.c"
#include "launcher/words.c"

/* Of launcher_request.cc: choices of the input. */
unsigned next_byte(void);
uint32_t next_word(void);
extern uint8_t request[];
extern uint32_t request_size;

#define next next_byte
#define word next_word
#define used request_size
#define append append_part /* not the launcher's */

/* ---- a request as request.cc makes it ---- */

static uint32_t append_bytes(const void* data, uint32_t size) {
  used = (used + 7) & ~7u;
  if (used + size > LAUNCH_MOST) return 0;
  if (data != NULL) memcpy(request + used, data, size);
  used += size;
  return used - size;
}

static uint32_t append_text(uint32_t most) {
  const uint32_t length = word() % most;
  if (length == 0) return 0;
  const uint32_t offset = append_bytes(NULL, length + 1);
  if (offset == 0) return 0;
  const char* letters = "/a.:0 \n";
  const unsigned first = next(), step = next();
  for (uint32_t i = 0; i < length; i++)
    request[offset + i] = (uint8_t)letters[(first + i * step) % 7];
  request[offset + length] = 0;
  return offset;
}

/* As src/child/launch-words.ts lays them out. */
static uint32_t append_words(void) {
  const uint32_t count = next() % 8;
  struct {
    uint32_t count;
    struct launch_word words[8];
  } all = {count, {{0, 0, 0, 0}}};
  const uint32_t size = 4 + count * sizeof(struct launch_word);
  const uint32_t offset = append_bytes(NULL, size);
  for (uint32_t i = 0; offset != 0 && i < count; i++) {
    const uint32_t text = append_text(6000);
    if (text == 0 || append_bytes("", 1) == 0) return 0;
    used = text + (uint32_t)strlen((char*)request + text) + 2; /* the second text is empty */
    all.words[i] = (struct launch_word){next() % 40, (int)(next() % 4) - 1, -(int)(next() % 40),
                                        text - offset};
  }
  if (offset != 0) memcpy(request + offset, &all, size);
  return offset;
}

void make_request(void) {
  struct launch fixed;
  memset(&fixed, 0, sizeof fixed);
  memset(request, 0, LAUNCH_MOST);
  used = sizeof fixed;
  fixed.flags = word();
  fixed.unshare = word();
  for (int i = 0; i < LAUNCH_JOINS; i++) {
    fixed.joins[i] = (int32_t)(next() % 40) - 1;
    fixed.types[i] = i < 2 ? NEW_USER : word();
  }
  fixed.root = (int32_t)(next() % 40) - 1;
  for (int i = 0; i < LAUNCH_CGROUPS; i++) fixed.cgroups[i] = (int32_t)(next() % 40) - 1;
  fixed.parent = (int32_t)(next() % 40) - 1;
  fixed.parent_signal = (int32_t)(next() % 65);
  fixed.forks = (int32_t)(next() % 40) - 1;
  fixed.devices = (int32_t)(next() % 40) - 1;
  fixed.columns = (uint16_t)word(), fixed.rows = (uint16_t)word();
  fixed.helper_output = (int32_t)(next() % 40) - 1;
  for (int i = 0; i < 3; i++) fixed.uid[i] = word(), fixed.gid[i] = word();
  fixed.umask = word();
  fixed.inheritable = word(), fixed.permitted = word(), fixed.effective = word();
  fixed.bounding = word(), fixed.ambient = word();
  fixed.stdio_count = next() % 64;
  int32_t stdio[64];
  for (int i = 0; i < 64; i++) stdio[i] = (int32_t)(next() % 80) - 1;
  fixed.stdio = append_bytes(stdio, fixed.stdio_count * 4);
  fixed.ignored = word(), fixed.blocked = word(), fixed.open_files = word();
  fixed.nonblocking = next() % 8;
  fixed.kept_count = next() % 64;
  int32_t kept[64];
  for (int i = 0; i < 64; i++) kept[i] = (int32_t)(next() % 40) + (i == 0 ? 0 : kept[i - 1]);
  fixed.kept = append_bytes(kept, fixed.kept_count * 4);
  fixed.words = append_words();
  fixed.groups_count = word() % 40000;
  fixed.groups = append_bytes(NULL, fixed.groups_count * 4);
  if (fixed.groups == 0) fixed.groups_count = 0;
  fixed.file = append_text(6000);
  if (fixed.file == 0) fixed.file = append_bytes("x", 2);
  fixed.root_path = append_text(6000);
  fixed.cwd = append_text(6000);
  if (next() % 2 == 1) {
    uint64_t limits[LIMITS][2];
    for (int i = 0; i < LIMITS; i++) limits[i][0] = word(), limits[i][1] = word();
    fixed.limits = append_bytes(limits, sizeof limits);
  }
  fixed.oom_score = append_text(8);
  fixed.label = append_text(300);
  fixed.label_file = fixed.label == 0 ? 0 : append_text(60);
  if (fixed.label_file == 0) fixed.label = 0;
  if (next() % 2 == 1) {
    struct launch_create create;
    memset(&create, 0, sizeof create);
    fixed.create = append_bytes(NULL, sizeof create);
    if (fixed.create != 0) {
      uint32_t* texts[] = {&create.setgroups,  &create.uid_map,    &create.gid_map,
                           &create.uid_helper, &create.gid_helper, &create.offsets,
                           &create.hostname,   &create.domainname, &create.proc,
                           &create.binfmt,     &create.interp,     &create.tools,
                           &create.files[0],   &create.files[4],   &create.files[7]};
      create.flags = next() % 8;
      create.owner_uid = word(), create.owner_gid = word();
      create.loopback = next() % 2;
      create.propagation = word();
      for (unsigned i = 0; i < sizeof texts / sizeof *texts; i++) {
        const uint32_t offset = append_text(i < 3 ? 4096 : 200);
        *texts[i] = offset == 0 ? 0 : offset - fixed.create;
      }
      memcpy(request + fixed.create, &create, sizeof create);
    }
  }
  fixed.size = used;
  memcpy(request, &fixed, sizeof fixed);
}
