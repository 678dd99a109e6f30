// What becomes of a launch: what the launcher reports, what it forks, its end. By pidfds alone.
//
// Nobody is believed but the processes that we have started: the kernel says who has sent a report
// (SO_PASSCRED), and it writes down what has been forked (launch_forks); what that names is a child
// of ours, or nothing is done to it.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "child/internal.h"
#include "child/reaper.h"
#include "child/report.h"

namespace spawn {
namespace {

constexpr int kPidfd = 3;      // P_PIDFD, waitid(2)
constexpr int64_t kLook = 50;  // milliseconds

int64_t now() {
  struct timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

// Until `end`, of now(); < 0: for ever.
int wait_until(int fd, short events, int64_t end) {
  struct pollfd poll = {fd, events, 0};
  for (;;) {
    const int64_t rest = end < 0 ? -1 : end - now();
    const int ready = result_of(::poll(&poll, 1,
                                       end < 0    ? -1
                                       : rest > 0 ? static_cast<int>(rest)
                                                  : 0));
    if (ready != -EINTR) return ready;
  }
}

// Until the launcher says in the page that it is done, or `end`. One that was killed, or failed
// before it had the page, says nothing there: so now and then it is looked whether it runs.
int wait_for_forks(launch_forks* forks, int launcher, int64_t end) {
  for (;;) {
    const int64_t rest = end - now();
    if (__atomic_load_n(&forks->over, __ATOMIC_ACQUIRE) != 0) return 1;
    if (rest <= 0) return 0;
    const int64_t part = rest < kLook ? rest : kLook;
    const struct timespec time = {0, part * 1'000'000};
    const int done =
        result_of(::syscall(SYS_futex, &forks->over, 0 /* FUTEX_WAIT */, 0, &time, nullptr, 0));
    if (done < 0 && done != -EINTR && done != -EAGAIN && done != -ETIMEDOUT) return done;
    if (done == -ETIMEDOUT && has_ended(launcher)) return 1;
  }
}

int forked(const Launch& launch, int index) {
  return launch.forks == nullptr ? 0 : __atomic_load_n(&launch.forks->pid[index], __ATOMIC_ACQUIRE);
}

// Each kind of report comes once, from what we have cloned or what the kernel says that it forked.
int listen(Launch* launch, Result* result) {
  while (!launch->heard && launch->channel >= 0) {
    launch_report report;
    Signed with;
    const bool with_file = launch->has_terminal && launch->terminal < 0;
    const int got = receive(launch->channel, with_file, &report, &with);
    if (got == -EAGAIN) return 0;
    result->step = "recvmsg";
    const bool ours = with.pid == launch->processes[0].pid || with.pid == forked(*launch, 0);
    const bool is_terminal = report.step == LAUNCH_TERMINAL && got > 0 && ours;
    if (with.file >= 0 && !is_terminal) {
      ::close(with.file);
      return -EPROTO;
    }
    if (got < 0) return got;
    if (got == 0) {
      launch->heard = true;
    } else if (!ours) {
      return -EPROTO;
    } else if (is_terminal && with.file >= 0) {
      launch->terminal = with.file;
    } else if (report.step == LAUNCH_READY && !launch->ready) {
      launch->ready = true;
    } else if (report.step == LAUNCH_ENTERED && launch->types < 0 && report.detail >= 0) {
      launch->types = report.detail;
    } else {
      return failed(*launch, report, result);
    }
  }
  return 0;
}

int wait_with(int pidfd, int options, int* code, int* signal) {
  siginfo_t info = {};
  int done;
  do {
    done = result_of(::waitid(static_cast<idtype_t>(kPidfd), static_cast<id_t>(pidfd), &info,
                              WEXITED | options));
  } while (done == -EINTR);
  if (done < 0) return done;
  if (info.si_pid == 0) return 0;
  *code = info.si_code == CLD_EXITED ? info.si_status : 0;
  *signal = info.si_code == CLD_EXITED ? 0 : info.si_status;
  return 1;
}

bool is_child(int pidfd) {
  int code = 0;
  int signal = 0;
  return wait_with(pidfd, WNOHANG | WNOWAIT, &code, &signal) != -ECHILD;
}

int adopt(Launch* launch, Result* result) {
  while (launch->current < LAUNCH_FORKS) {
    const int pid = forked(*launch, launch->current);
    if (pid == 0) return 0;
    result->step = "pidfd_open";
    const int pidfd = result_of(::syscall(SYS_pidfd_open, pid, 0));
    if (pidfd < 0) return pidfd;
    if (!is_child(pidfd)) {
      ::close(pidfd);
      return -ESRCH;
    }
    launch->processes[++launch->current] = {pid, pidfd};
  }
  return 0;
}

// The launcher was killed, and so could not say which process is the second.
bool has_lost_second(const Launch& launch) {
  const bool silent =
      launch.forks != nullptr && __atomic_load_n(&launch.forks->over, __ATOMIC_ACQUIRE) == 0;
  return launch.second && silent && launch.current == 1;
}

// Of what there was no pidfd to be had: it is a child of ours, so the number is its own still.
void kill_unopened(int pid) {
  siginfo_t info = {};
  if (::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG | WNOWAIT) == -1) return;
  ::kill(pid, SIGKILL);
  const int64_t end = now() + kMoment;
  do {
    info.si_pid = 0;
    ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOHANG);
  } while (info.si_pid == 0 && now() < end && ::poll(nullptr, 0, 1) == 0);
}

// What comes last is waited for, so that nothing wakes us while the launcher is still at work: the
// channel closes with the exec, but where it was closed before the fork.
bool awaits_fork(const Launch& launch) {
  return launch.forks != nullptr && (launch.heard || launch.joined);
}

}  // namespace

bool has_ended(int pidfd) {
  int code = 0;
  int signal = 0;
  return wait_with(pidfd, WNOHANG | WNOWAIT, &code, &signal) != 0;
}

bool has_forked(const Launch& launch) {
  return launch.current < LAUNCH_FORKS && forked(launch, launch.current) != 0;
}

void reap(int pidfd, int milliseconds) {
  int code = 0;
  int signal = 0;
  // libuv makes what it watches non-blocking, and then waitid(2) would not wait.
  if (wait(pidfd, &code, &signal) == 0) {
    wait_until(pidfd, POLLIN, now() + milliseconds);
    if (wait(pidfd, &code, &signal) == 0) {
      reaper::leave(pidfd);
      return;
    }
  }
  ::close(pidfd);
}

int advance(Launch* launch, Result* result) {
  const auto is_over = [](const Process& one) { return one.pidfd < 0 || has_ended(one.pidfd); };
  // What they did last is there to be seen after their end, or after they said that they are done:
  // so these are looked for before.
  const bool said =
      launch->forks != nullptr && __atomic_load_n(&launch->forks->over, __ATOMIC_ACQUIRE) != 0;
  const int known = launch->current;
  const bool known_ended = is_over(launch->processes[known]);
  const bool ended = said || (known == 0 ? known_ended : is_over(launch->processes[0]));
  int error = listen(launch, result);
  if (error == 0) error = adopt(launch, result);
  if (error == 0 && ended && launch->forks != nullptr) {
    const launch_report report = launch->forks->failed;
    if (report.step != LAUNCH_NOTHING) error = failed(*launch, report, result);
  }
  if (error < 0) return error;
  if (launch->forks != nullptr && !ended) return 0;
  if (has_lost_second(*launch)) {
    // Whoever has forked that sees the same, and ends it.
    if (!is_over(launch->processes[1])) return 0;
    result->step = "clone";
    return -ESRCH;
  }
  if (launch->heard || (ended && launch->joined)) return 1;
  return known_ended && launch->current == known ? 1 : 0;
}

// What has forked ends when what it forked does, and says then what that has forked in turn.
void abandon(Launch* launch) {
  Result ignored;
  Process* first = &launch->processes[0];
  adopt(launch, &ignored);
  for (int i = launch->current == 0 ? 0 : 1; i <= launch->current; i++) {
    if (launch->processes[i].pidfd >= 0) kill(launch->processes[i].pidfd, SIGKILL);
  }
  if (first->pidfd >= 0) {
    wait_until(first->pidfd, POLLIN, now() + kMoment);
    kill(first->pidfd, SIGKILL);
  }
  adopt(launch, &ignored);
  for (Process& process : launch->processes) {
    if (process.pidfd < 0) continue;
    kill(process.pidfd, SIGKILL);
    reap(process.pidfd);
    process.pidfd = -1;
  }
  for (int i = launch->current; i < LAUNCH_FORKS; i++) {
    const int pid = forked(*launch, i);
    if (pid != 0) kill_unopened(pid);
  }
  if (launch->channel >= 0) ::close(launch->channel);
  launch->channel = -1;
  forget_forks(launch);
  forget_terminal(launch);
}

int wait_for_news(const Launch& launch, int milliseconds) {
  const int64_t end = now() + milliseconds;
  return awaits_fork(launch) ? wait_for_forks(launch.forks, launch.processes[0].pidfd, end)
                             : wait_until(launch.channel, POLLRDHUP, end);
}

int follow(const Request& request, int milliseconds, Result* result) {
  Launch* launch = &result->launch;
  const bool holds = request.file.empty();
  const int64_t end = now() + milliseconds;
  int done = 0;
  while (done == 0 && !(holds && launch->ready)) {
    const bool forks = awaits_fork(*launch);
    result->step = forks ? "futex" : "poll";
    done = forks ? wait_for_forks(launch->forks, launch->processes[0].pidfd, end)
                 : wait_until(launch->channel, holds ? POLLIN : POLLRDHUP, end);
    if (done < 0) break;
    const bool timed_out = done == 0;
    done = advance(launch, result);  // what has been forked meanwhile is the child that there is
    if (timed_out) break;
  }
  if (done < 0) abandon(launch);
  if (done <= 0) return done;
  ::close(launch->channel);
  launch->channel = -1;
  forget_forks(launch);
  return done;
}

int wait(int pidfd, int* code, int* signal) { return wait_with(pidfd, WNOHANG, code, signal); }

int wait_for(int pidfd, int* code, int* signal) {
  const int done = wait_with(pidfd, 0, code, signal);
  return done < 0 ? done : 0;
}

}  // namespace spawn
