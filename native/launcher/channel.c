/* What the addon and the launcher say to each other: the request, reports, and how to end. */
#include "channel.h"

#include <linux/errno.h>

#include "syscalls.h"
#include "words.h"

union request message;
int channel;
volatile struct launch_report* written;
volatile struct launch_forks* forks;

/* Who waits for us is woken at once: an end takes its time. */
_Noreturn void quit(int code) {
  if (forks != 0) {
    forks->over = 1;
    CALL3(futex, &forks->over, 1 /* FUTEX_WAKE */, 1);
  }
  for (;;) CALL1(exit_group, code);
}

/* Where it is memory that is missing, it may be there a moment later: a second is waited for it. */
long say(int socket, const void* bytes, unsigned long size) {
  const struct { long seconds, nanoseconds; } moment = {0, 10000000};
  long sent = 0;
  for (int attempt = 0; attempt < 100; attempt++) {
    sent = CALL(sendto, socket, bytes, size, MESSAGE_NO_SIGNAL, 0);
    if (sent != -EINTR && sent != -EAGAIN && sent != -ENOMEM && sent != -ENOBUFS) break;
    if (sent != -EINTR) CALL2(nanosleep, &moment, 0);
  }
  return sent;
}

/* 0 where nobody has heard it. */
int report(int step, long error, int detail) {
  struct launch_report words = {step, (int32_t)error, detail};
  if (channel < 0) return explain(step, (int)error, detail);
  if (written == 0) {
    const long said = say(channel, &words, sizeof words);
    /* In place nobody listens; a request that has not come does not say so. */
    return said > 0 || (said == -EPIPE && step == LAUNCH_RECEIVE && explain(step, (int)error, 0));
  }
  *written = words;
  return 1;
}

/* Taking the last byte of the request needs no memory, and says without a word that nothing was
 * executed (launch.h). */
_Noreturn void fail(int step, long error, int detail) {
  const int other = asked(LAUNCH_IN_PLACE) && step != LAUNCH_EXEC;
  if (!report(step, error, detail)) {
    long more;
    do {
      more = CALL(recvfrom, channel, message.bytes, LAUNCH_MOST, MESSAGE_DONT_WAIT, 0);
    } while (more > 0 || more == -EINTR);
  }
  quit(other ? (int)launch->failed : error == -ENOENT ? 127 : 126);
}

long must(long result, int step) {
  if (result < 0) fail(step, result, 0);
  return result;
}

/* ---- the request ---- */

/* Run by anybody but the addon (a script that begins with #!/proc/self/exe), this is no number. */
int number(const char* text) {
  int value = 0;
  if (*text == 0) quit(127);
  for (; *text != 0; text++) {
    if (*text < '0' || *text > '9' || value > 100000000) quit(127);
    value = value * 10 + (*text - '0');
  }
  return value;
}

void receive(void) {
  uint32_t size = sizeof(struct launch);
  for (uint32_t have = 0; have < size;) {
    long more = CALL3(read, channel, message.bytes + have, size - have);
    if (more == -EINTR) continue;
    if (more <= 0) fail(LAUNCH_RECEIVE, more < 0 ? more : -EPIPE, 0);
    have += (uint32_t)more;
    if (have >= sizeof(struct launch)) size = launch->size;
    if (size < sizeof(struct launch) || size > LAUNCH_MOST) fail(LAUNCH_RECEIVE, -E2BIG, 0);
  }
}
