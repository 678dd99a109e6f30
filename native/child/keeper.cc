#include "child/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>
#include <uv.h>

#include <vector>

namespace keeper {

struct Keeper {
  uv_thread_t thread;
  uv_sem_t done;
  uv_sem_t over;
  int (*work)(void*);
  void* data;
  int error;
};

namespace {

constexpr unsigned kPause = 10'000;  // microseconds
constexpr uv_thread_options_t kSmall = {UV_THREAD_HAS_STACK_SIZE, 256 << 10};

void keep(void* data) {
  auto* keeper = static_cast<Keeper*>(data);
  const int error = keeper->work(keeper->data);
  keeper->error = error;
  uv_sem_post(&keeper->done);
  if (error >= 0) uv_sem_wait(&keeper->over);
}

void release(Keeper* keeper) {
  uv_thread_join(&keeper->thread);
  uv_sem_destroy(&keeper->done);
  uv_sem_destroy(&keeper->over);
  delete keeper;
}

struct Orphan {
  int pidfd;
  Keeper* keeper;
};

struct Reaper {
  uv_mutex_t mutex;
  std::vector<Orphan> newcomers;
  int pipe[2] = {-1, -1};
  bool running = false;
};
Reaper& reaper = *new Reaper;  // never destroyed: the thread may run until the process is gone
uv_once_t once = UV_ONCE_INIT;

void take_newcomers(std::vector<Orphan>* orphans) {
  char bytes[64];
  while (::read(reaper.pipe[0], bytes, sizeof bytes) == sizeof bytes) {
  }
  uv_mutex_lock(&reaper.mutex);
  orphans->insert(orphans->end(), reaper.newcomers.begin(), reaper.newcomers.end());
  reaper.newcomers.clear();
  uv_mutex_unlock(&reaper.mutex);
}

bool ended(const Orphan& orphan) {
  siginfo_t info = {};
  long done;
  do {
    done = ::waitid(static_cast<idtype_t>(3) /* P_PIDFD */, static_cast<id_t>(orphan.pidfd), &info,
                    WEXITED | WNOHANG | __WALL);
  } while (done == -1 && errno == EINTR);
  if (done == 0 && info.si_pid == 0) return false;
  ::close(orphan.pidfd);
  end(orphan.keeper);
  return true;
}

void reap_orphans(void*) {
  std::vector<Orphan> orphans;
  std::vector<struct pollfd> polls;
  for (;;) {
    polls.assign(1, {reaper.pipe[0], POLLIN, 0});
    for (const Orphan& orphan : orphans) polls.push_back({orphan.pidfd, POLLIN, 0});
    const int ready = ::poll(polls.data(), polls.size(), -1);
    if (ready < 0 && errno != EINTR) ::usleep(kPause);  // no memory: then one after the other
    for (size_t i = orphans.size(); i-- > 0;) {
      if ((ready < 0 || polls[i + 1].revents != 0) && ended(orphans[i])) {
        orphans.erase(orphans.begin() + i);
      }
    }
    if (ready < 0 || polls[0].revents != 0) take_newcomers(&orphans);
  }
}

}  // namespace

bool is_first_thread() { return ::syscall(SYS_gettid) == ::getpid(); }

int start(int (*work)(void*), void* data, Keeper** result) {
  auto* keeper = new Keeper{{}, {}, {}, work, data, 0};
  uv_sem_init(&keeper->done, 0);
  uv_sem_init(&keeper->over, 0);
  const int failed = uv_thread_create_ex(&keeper->thread, &kSmall, keep, keeper);
  if (failed != 0) {
    uv_sem_destroy(&keeper->done);
    uv_sem_destroy(&keeper->over);
    delete keeper;
    return failed;
  }
  uv_sem_wait(&keeper->done);
  const int error = keeper->error;
  if (error < 0)
    release(keeper);
  else
    *result = keeper;
  return error;
}

void end(Keeper* keeper) {
  if (keeper == nullptr) return;
  uv_sem_post(&keeper->over);
  release(keeper);
}

void leave_to_reaper(int pidfd, Keeper* keeper) {
  uv_once(&once, [] { uv_mutex_init(&reaper.mutex); });
  uv_mutex_lock(&reaper.mutex);
  // What cannot be had now is tried for again with the next child: none is forgotten.
  if (reaper.pipe[0] < 0 && ::pipe2(reaper.pipe, O_CLOEXEC | O_NONBLOCK) == -1) {
    reaper.pipe[0] = -1;
  }
  if (!reaper.running && reaper.pipe[0] >= 0) {
    uv_thread_t thread;
    reaper.running = uv_thread_create_ex(&thread, &kSmall, reap_orphans, nullptr) == 0;
  }
  reaper.newcomers.push_back({pidfd, keeper});
  const char byte = 0;
  while (reaper.running && ::write(reaper.pipe[1], &byte, 1) == -1 && errno == EINTR) {
  }  // where the pipe is full, there is enough in it to wake the thread
  uv_mutex_unlock(&reaper.mutex);
}

}  // namespace keeper
