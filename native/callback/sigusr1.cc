#include "callback/sigusr1.h"

#include <errno.h>
#include <signal.h>

#include <atomic>

namespace debugger {
namespace {

struct sigaction before;
std::atomic<Notify> notify{nullptr};
std::atomic<void*> argument{nullptr};
int holders = 0;  // copies of the library in one thread

void on_signal(int) {
  const int saved = errno;
  Notify call = notify.load();
  if (call != nullptr) call(argument.load());
  errno = saved;
}

}  // namespace

bool hold(Notify call, void* data) {
  if (holders > 0) {
    holders++;
    return true;
  }
  if (sigaction(SIGUSR1, nullptr, &before) != 0) return false;
  if ((before.sa_flags & SA_SIGINFO) == 0 &&
      (before.sa_handler == SIG_DFL || before.sa_handler == SIG_IGN)) {
    return false;
  }
  argument = data;
  notify = call;
  struct sigaction ours = {};
  ours.sa_handler = on_signal;
  ours.sa_flags = SA_RESTART;
  sigfillset(&ours.sa_mask);
  if (sigaction(SIGUSR1, &ours, nullptr) != 0) return false;
  holders = 1;
  return true;
}

void release() {
  if (holders == 0 || --holders > 0) return;
  struct sigaction now;
  if (sigaction(SIGUSR1, nullptr, &now) == 0 && now.sa_handler == on_signal) {
    sigaction(SIGUSR1, &before, nullptr);
  }
  notify = nullptr;
}

}  // namespace debugger
