#include "child/reaper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include <uv.h>

#include <algorithm>
#include <vector>

namespace reaper {

struct Watched {
  int pidfd;               // of our own; -1: there is nothing more to do for it
  bool left;               // nobody else reaps it, or asks for its status
  keeper::Keeper* keeper;  // of what was left
  int64_t due = -1;        // when it is reaped; -1: it runs
  bool forgotten = left;   // nobody will ask: deleted at its end
  bool reaped = false;
  int code = 0;
  int signal = 0;
};

namespace {

constexpr int64_t kForTheLoop = 1000;  // milliseconds
constexpr unsigned kPause = 10'000;    // microseconds
constexpr uv_thread_options_t kSmall = {UV_THREAD_HAS_STACK_SIZE, 256 << 10};

// Most of what is watched ends soon, and costs the thread nothing: it is woken for the first of the
// newcomers, and takes over those that are there a second later.
struct Shared {
  uv_mutex_t mutex;
  std::vector<Watched*> newcomers;
  bool expected = false;  // the thread comes for them
  bool urgent = false;    // some were left: it comes at once
  int pipe[2] = {-1, -1};
  bool running = false;
};
Shared& shared = *new Shared;  // never destroyed: the thread runs until the process is gone
uv_once_t once = UV_ONCE_INIT;

int64_t now() {
  struct timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

// false: it runs.
bool reap(Watched* watched) {
  siginfo_t info = {};
  int done;
  do {
    done = ::waitid(static_cast<idtype_t>(3) /* P_PIDFD */, static_cast<id_t>(watched->pidfd),
                    &info, WEXITED | WNOHANG | __WALL);
  } while (done == -1 && errno == EINTR);
  if (done == 0 && info.si_pid == 0) return false;
  watched->reaped = done == 0;
  watched->code = info.si_code == CLD_EXITED ? info.si_status : 0;
  watched->signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return true;
}

// With the mutex: who finds it gone finds its status too. true: there is nothing more to do for it.
bool is_over(Watched* watched, bool ended) {
  if (watched->left) return ended && reap(watched);
  if (watched->forgotten) return true;
  if (ended && watched->due < 0) watched->due = now() + kForTheLoop;
  const bool due = watched->due >= 0 && now() >= watched->due;
  if (due) reap(watched);
  return due;
}

// true: it is no longer to be looked at.
bool look(Watched* watched, bool ended) {
  uv_mutex_lock(&shared.mutex);
  const bool over = is_over(watched, ended);
  const bool forgotten = over && watched->forgotten;
  keeper::Keeper* keeper = watched->keeper;
  if (over) ::close(watched->pidfd);
  if (over) watched->pidfd = -1;
  uv_mutex_unlock(&shared.mutex);
  if (!forgotten) return over;
  keeper::end(keeper);
  delete watched;
  return true;
}

// When to come for newcomers; -1: there are none.
int64_t next_visit(int64_t planned) {
  char bytes[64];
  while (::read(shared.pipe[0], bytes, sizeof bytes) == sizeof bytes) {
  }
  uv_mutex_lock(&shared.mutex);
  const bool expected = shared.expected;
  const bool urgent = shared.urgent;
  uv_mutex_unlock(&shared.mutex);
  if (urgent) return now();
  return expected && planned < 0 ? now() + kForTheLoop : planned;
}

void take_newcomers(std::vector<Watched*>* all) {
  uv_mutex_lock(&shared.mutex);
  all->insert(all->end(), shared.newcomers.begin(), shared.newcomers.end());
  shared.newcomers.clear();
  shared.expected = false;
  shared.urgent = false;
  uv_mutex_unlock(&shared.mutex);
}

void run(void*) {
  std::vector<Watched*> all;
  std::vector<struct pollfd> polls;
  int64_t visit = -1;
  for (;;) {
    int64_t next = visit;
    polls.assign(1, {shared.pipe[0], POLLIN, 0});
    for (const Watched* watched : all) {
      polls.push_back({watched->due < 0 ? watched->pidfd : -1, POLLIN, 0});
      if (watched->due >= 0 && (next < 0 || watched->due < next)) next = watched->due;
    }
    const int64_t rest = next < 0 ? -1 : next - now();
    const int ready =
        ::poll(polls.data(), polls.size(), next < 0 ? -1 : static_cast<int>(rest > 0 ? rest : 0));
    const bool unknown = ready < 0;  // there was no memory: then one after the other
    if (unknown && errno != EINTR) ::usleep(kPause);
    for (size_t i = all.size(); i-- > 0;) {
      const bool ended = unknown ? all[i]->left : polls[i + 1].revents != 0;
      if (look(all[i], ended)) all.erase(all.begin() + static_cast<long>(i));
    }
    if (unknown || polls[0].revents != 0) visit = next_visit(visit);
    if (visit >= 0 && now() >= visit) {
      visit = -1;
      take_newcomers(&all);
    }
  }
}

// With the mutex. false: there is no file or thread to be had now.
bool is_running() {
  if (shared.running) return true;
  if (shared.pipe[0] < 0 && ::pipe2(shared.pipe, O_CLOEXEC | O_NONBLOCK) == -1) return false;
  uv_thread_t thread;
  shared.running = uv_thread_create_ex(&thread, &kSmall, run, nullptr) == 0;
  return shared.running;
}

void wake() {
  const char byte = 0;
  while (::write(shared.pipe[1], &byte, 1) == -1 && errno == EINTR) {
  }  // where the pipe is full, there is enough in it
}

void lock() {
  uv_once(&once, [] { uv_mutex_init(&shared.mutex); });
  uv_mutex_lock(&shared.mutex);
}

}  // namespace

void leave(int pidfd, keeper::Keeper* keeper) {
  lock();
  shared.newcomers.push_back(new Watched{pidfd, true, keeper});
  shared.urgent = true;
  // What cannot be had now is tried for again with the next child: none is forgotten.
  if (is_running()) wake();
  uv_mutex_unlock(&shared.mutex);
}

Watched* watch(int pidfd) {
  const int own = ::fcntl(pidfd, F_DUPFD_CLOEXEC, 0);
  if (own == -1) return nullptr;
  lock();
  Watched* watched = nullptr;
  if (is_running()) {
    watched = new Watched{own, false, nullptr};
    shared.newcomers.push_back(watched);
    if (!shared.expected) wake();
    shared.expected = true;
  } else {
    ::close(own);
  }
  uv_mutex_unlock(&shared.mutex);
  return watched;
}

int status(Watched* watched, int* code, int* signal) {
  if (watched == nullptr) return 0;
  uv_mutex_lock(&shared.mutex);
  const bool reaped = watched->reaped;
  *code = watched->code;
  *signal = watched->signal;
  uv_mutex_unlock(&shared.mutex);
  return reaped ? 1 : 0;
}

void forget(Watched* watched) {
  if (watched == nullptr) return;
  uv_mutex_lock(&shared.mutex);
  std::vector<Watched*>& newcomers = shared.newcomers;
  const auto at = std::find(newcomers.begin(), newcomers.end(), watched);
  watched->forgotten = true;
  if (at != newcomers.end()) {
    *at = newcomers.back();
    newcomers.pop_back();
    ::close(watched->pidfd);
    delete watched;
  } else if (watched->pidfd < 0) {
    delete watched;
  } else {
    wake();
  }
  uv_mutex_unlock(&shared.mutex);
}

}  // namespace reaper
