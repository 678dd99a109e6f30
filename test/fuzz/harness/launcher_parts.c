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
#include "launcher/modes.c"
#include "launcher/mounts.c"
#include "launcher/open_below.c"
#include "launcher/signals.c"
#include "launcher/terminal.c"
#include "launcher/tools.c"
#include "launcher/tools_root.c"
#include "launcher/words.c"

/* Of launcher_request.cc. */
extern uint8_t request[];
extern uint32_t request_size;

#define used request_size

void __asan_poison_memory_region(void const volatile* at, size_t size);
void __asan_unpoison_memory_region(void const volatile* at, size_t size);

/* ---- a request as the addon makes it, of bytes that may be anything ---- */

/* Between two parts is what nobody may touch, once the launcher has read it all: as if each part
 * were an allocation of its own, of exactly its size. */
#define GAP 24
static struct { uint32_t from, to; } gaps[128];
static unsigned gap_count;

void forget_gaps(void) {
  gap_count = 0;
  __asan_unpoison_memory_region(message.bytes, sizeof message.bytes);
}

void close_gaps(void) {
  for (unsigned i = 0; i < gap_count; i++) {
    __asan_poison_memory_region(message.bytes + gaps[i].from, gaps[i].to - gaps[i].from);
  }
}

/* What was captured, and how it is changed. */
static const uint8_t* wire;
static uint32_t wire_size;
static const struct stretch { uint16_t part, length; } * stretches;
static unsigned stretch_count, part_number;

static uint32_t put(const void* data, uint32_t size) {
  const uint32_t from = (used + GAP + 7) & ~7u;
  if (from + size + GAP > LAUNCH_MOST || gap_count >= 100) return 0;
  gaps[gap_count].from = used;
  gaps[gap_count++].to = from;
  memcpy(request + from, data, size);
  used = from + size;
  return from;
}

/* How much of an array is there. */
static uint32_t count_at(uint32_t offset, uint32_t count, uint32_t size) {
  const uint32_t most = offset >= wire_size ? 0 : (wire_size - offset) / size;
  return count < most ? count : most;
}

static uint32_t put_array(uint32_t offset, uint32_t* count, uint32_t size) {
  *count = offset == 0 ? 0 : count_at(offset, *count, size);
  const uint32_t there = *count == 0 ? 0 : put(wire + offset, *count * size);
  if (there == 0) *count = 0;
  return there;
}

/* What a text is made of that the captured request has not. */
static const char* const patterns[] = {"/a", "0 0 1\n", "x", ":F/"};

/* Of any length: the input says of which part it is to be another one. */
static uint32_t put_text(uint32_t offset) {
  static char text[70000];
  const unsigned number = part_number++;
  uint32_t length = 0;
  if (offset != 0 && offset < wire_size) {
    const uint32_t most = wire_size - offset < 65535 ? wire_size - offset : 65535;
    length = (uint32_t)strnlen((const char*)wire + offset, most);
    memcpy(text, wire + offset, length);
  }
  for (unsigned i = 0; i < stretch_count; i++) {
    const unsigned part = stretches[i].part & 255; /* 255: of all that there are */
    if (part != number && (part != 255 || length == 0)) continue;
    if (stretches[i].length == 0) continue;
    const char* pattern = patterns[stretches[i].part >> 8 & 3];
    const uint32_t period = length == 0 ? (uint32_t)strlen(pattern) : length;
    if (length == 0) memcpy(text, pattern, period);
    for (uint32_t j = period; j < stretches[i].length; j++) text[j] = text[j - period];
    length = stretches[i].length;
  }
  if (length == 0) return 0;
  text[length] = 0;
  return put(text, length + 1);
}

#define WORDS 64

/* Some of them, those of steps before the names of errors. Two texts each, one after the other. */
static uint32_t put_words(uint32_t offset) {
  struct {
    uint32_t count;
    struct launch_word words[WORDS];
  } all = {0, {{0, 0, 0, 0}}};
  uint32_t told = 0;
  if (offset == 0 || offset >= wire_size || wire_size - offset < 4) return 0;
  memcpy(&told, wire + offset, 4);
  told = count_at(offset + 4, told, sizeof *all.words);
  for (int names = 0; names < 2; names++) {
    for (uint32_t i = 0; i < told && all.count < WORDS; i++) {
      struct launch_word word;
      memcpy(&word, wire + offset + 4 + i * sizeof word, sizeof word);
      if ((word.step == LAUNCH_NOTHING) == names) all.words[all.count++] = word;
    }
  }
  const uint32_t size = 4 + all.count * sizeof *all.words;
  const uint32_t from = put(&all, size);
  for (uint32_t i = 0; from != 0 && i < all.count; i++) {
    const uint32_t text = put_text(offset + all.words[i].text);
    if (text == 0) { /* there is no space left */
      all.count = i;
      break;
    }
    request[used++] = 0; /* the second one is empty */
    all.words[i].text = text - from;
  }
  if (from != 0) memcpy(request + from, &all, size);
  return from;
}

static uint32_t put_creation(uint32_t offset) {
  struct launch_create creation;
  if (offset == 0 || offset >= wire_size || wire_size - offset < sizeof creation) return 0;
  memcpy(&creation, wire + offset, sizeof creation);
  const uint32_t from = put(&creation, sizeof creation);
  uint32_t* texts[] = {
      &creation.setgroups,  &creation.uid_map,  &creation.gid_map,  &creation.uid_helper,
      &creation.gid_helper, &creation.offsets,  &creation.hostname, &creation.domainname,
      &creation.proc,       &creation.binfmt,   &creation.interp,   &creation.tools,
      &creation.files[0],   &creation.files[1], &creation.files[2], &creation.files[3],
      &creation.files[4],   &creation.files[5], &creation.files[6], &creation.files[7]};
  for (unsigned i = 0; from != 0 && i < sizeof texts / sizeof *texts; i++) {
    const uint32_t text = put_text(*texts[i] == 0 ? 0 : offset + *texts[i]);
    *texts[i] = text == 0 ? 0 : text - from;
  }
  if (from != 0 && creation.interp != 0 && creation.binfmt == 0) creation.interp = 0;
  if (from != 0) memcpy(request + from, &creation, sizeof creation);
  return from;
}

/* Offsets lead to what is there, and what goes with one another is there: the addon sees to that.
 * Every number and text else is that of `bytes`. */
void make_request(const uint8_t* bytes, uint32_t size, const void* changes, unsigned count) {
  struct launch fixed;
  memset(&fixed, 0, sizeof fixed);
  memcpy(&fixed, bytes, size < sizeof fixed ? size : sizeof fixed);
  wire = bytes;
  wire_size = size;
  stretches = changes;
  stretch_count = count;
  part_number = 0;
  memset(request, 0, LAUNCH_MOST);
  used = sizeof fixed;
  fixed.file = put_text(fixed.file);
  if (fixed.file == 0) fixed.file = put("x", 2);
  fixed.root_path = put_text(fixed.root_path);
  fixed.cwd = put_text(fixed.cwd);
  fixed.oom_score = put_text(fixed.oom_score);
  fixed.label = put_text(fixed.label);
  fixed.label_file = put_text(fixed.label_file);
  if (fixed.label_file == 0 || fixed.label == 0) fixed.label_file = fixed.label = 0;
  fixed.stdio = put_array(fixed.stdio, &fixed.stdio_count, 4);
  fixed.kept = put_array(fixed.kept, &fixed.kept_count, 4);
  int32_t* kept = (int32_t*)(request + fixed.kept);
  for (uint32_t i = 0; i < fixed.kept_count; i++) { /* numbers of files, in their order */
    kept[i] &= 0xffff;
    if (i > 0 && kept[i] < kept[i - 1]) kept[i] = kept[i - 1];
  }
  fixed.groups = put_array(fixed.groups, &fixed.groups_count, 4);
  uint32_t limits = LIMITS;
  fixed.limits = put_array(fixed.limits, &limits, 16);
  if (limits < LIMITS) fixed.limits = 0;
  fixed.words = put_words(fixed.words);
  fixed.create = put_creation(fixed.create);
  if (fixed.flags & (LAUNCH_FORK_JOINED | LAUNCH_FORK_CREATED)) fixed.forks = 30;
  fixed.size = used;
  gaps[gap_count].from = used;
  gaps[gap_count++].to = LAUNCH_MOST;
  memcpy(request, &fixed, sizeof fixed);
}
