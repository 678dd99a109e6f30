/* What becomes of signals. */
#include "signals.h"

#include "channel.h"
#include "syscalls.h"

#define SIGNALS 64

void handle(int signal, long how) {
  struct {
    long handler, flags, restorer;
    uint64_t mask;
  } action = {how, 0, 0, 0};
  CALL4(rt_sigaction, signal, &action, 0, sizeof action.mask);
}

void block(uint64_t signals) {
  CALL4(rt_sigprocmask, 2 /* SIG_SETMASK */, &signals, 0, sizeof signals);
}

int ignores(int signal) { return (launch->ignored >> (signal - 1) & 1) != 0; }

/* An ignored signal stays ignored over an exec, and Node ignores SIGPIPE. All were blocked. Of a
 * child of ours the end is to be seen, so that signal comes last: restore(). */
void reset_signals(void) {
  for (int signal = 1; signal <= SIGNALS; signal++) {
    handle(signal, signal != SIGCHLD_NUMBER && ignores(signal));
  }
  block(launch->blocked);
}
