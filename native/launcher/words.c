/* Says what failed where nobody hears a report. */
#include "words.h"

#include "channel.h"
#include "syscalls.h"

#define LINE_MOST 8192

static const char* words_for(int step, int detail, int error) {
  const struct launch_words* words = at(launch->words);
  for (uint32_t i = 0; words != 0 && i < words->count; i++) {
    const struct launch_word* word = &words->words[i];
    if (word->step == step && (word->detail == -1 || word->detail == detail) &&
        (word->error == 0 || word->error == error)) {
      return (const char*)words + word->text;
    }
  }
  return 0;
}

static char line[LINE_MOST];
static unsigned line_length;

static const char* add(const char* text) {
  while (*text != 0) {
    if (line_length < sizeof line - 1) line[line_length++] = *text;
    text++;
  }
  return text + 1;
}

static void add_number(unsigned number) {
  char digits[12];
  char* digit = digits + sizeof digits - 1;
  *digit = 0;
  do {
    *--digit = (char)('0' + number % 10);
    number /= 10;
  } while (number > 0);
  add(digit);
}

/* In one write, so that it is one line. Always heard: nobody else is there to be told. */
int explain(int step, int error, int detail) {
  const char* words = words_for(step, detail, error);
  const char* name = words_for(LAUNCH_NOTHING, -1, error);
  add("linux-namespaces: ");
  if (words == 0) {
    add("the program could not be started: errno ");
    add_number((unsigned)-error);
  } else {
    const char* rest = add(words);
    if (line[line_length - 1] == ' ') add(name == 0 ? "unknown error" : name);
    add(rest);
  }
  line[line_length++] = '\n';
  CALL3(write, 2, line, line_length);
  return 1;
}
