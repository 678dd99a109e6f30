// What becomes of a child: what the launcher reports, its end, and signals to it. By its pidfd
// alone.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "spawn_parts.h"

namespace spawn {
namespace {

constexpr int kPidfd = 3;         // P_PIDFD, waitid(2)
constexpr int kPatience = 10000;  // ms for the forks of the launcher, which depend on nobody else

int wait_until(int fd, short events, int milliseconds) {
  struct pollfd poll = {fd, events, 0};
  for (;;) {
    const int ready = result_of(::poll(&poll, 1, milliseconds));
    if (ready != -EINTR) return ready;
  }
}

const char* name_of(int step) {
  static const char* const names[LAUNCH_STEPS] = {
      "",          "read",      "setns",     "unshare", "clone",  "dup",    "close_range",
      "setsid",    "fchdir",    "chroot",    "chdir",   "getcwd", "prctl",  "prctl",
      "setgroups", "setresgid", "setresuid", "capset",  "prctl",  "prctl",  "prctl",
      "write",     "execve",    "statx",     "",        "keyctl", "create", ""};
  return step > 0 && step < LAUNCH_STEPS ? names[step] : "";
}

// One report. 1: read; 0: the end; -errno. With `pid`: that of the sender, as we number processes.
int receive(int channel, launch_report* report, int* pid) {
  struct iovec part = {report, sizeof *report};
  alignas(struct cmsghdr) char control[CMSG_SPACE(sizeof(struct ucred))];
  struct msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  long length;
  do {
    length = ::recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (length == -1 && errno == EINTR);
  if (length == -1) return errno == ECONNRESET ? 0 : -errno;
  if (length < static_cast<long>(sizeof *report)) return 0;
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  if (pid != nullptr && header != nullptr && header->cmsg_type == SCM_CREDENTIALS) {
    struct ucred sender;
    memcpy(&sender, CMSG_DATA(header), sizeof sender);
    *pid = sender.pid;
  }
  return 1;
}

void wait_for_end(int kind, int id) {
  siginfo_t info;
  while (::waitid(static_cast<idtype_t>(kind), static_cast<id_t>(id), &info, WEXITED) == -1 &&
         errno == EINTR) {
  }
}

int failed(const launch_report& report, Result* result) {
  result->step = name_of(report.step);
  result->detail = report.detail;
  result->setup = report.step != LAUNCH_EXEC;
  return report.error;
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

}  // namespace

void reap(int pidfd) {
  // libuv makes what it watches non-blocking, and then waitid(2) would not wait.
  wait_until(pidfd, POLLIN, -1);
  wait_for_end(kPidfd, pidfd);
  ::close(pidfd);
}

int follow(int channel, int forks, bool executes, int patience, Result* result) {
  std::vector<int> earlier;
  int error = 0;
  bool open = true;
  // Without a program to be executed it stays open. Otherwise all has been said when it closes, and
  // nothing of that wakes us while the launcher is still at work.
  if (executes) wait_until(channel, POLLRDHUP, patience);
  // A child may be heard before its parent has said its pid: so after a failure up to the end, and
  // with one that is ready until its pid is known.
  while (open && !(result->ready && forks == 0 && error == 0)) {
    const int rest = executes ? 0 : patience;
    const int ready = wait_until(channel, POLLIN, forks > 0 || error != 0 ? kPatience : rest);
    if (ready == 0 && forks == 0) break;
    launch_report report;
    int pid = 0;
    const int got = ready > 0 ? receive(channel, &report, &pid) : ready;
    if (got <= 0) {
      open = false;  // executed, or dead; then its end tells
      if (error == 0 && (got < 0 || forks > 0)) {
        result->step = "clone";
        error = got < 0 ? got : ready == 0 ? -ETIMEDOUT : -ESRCH;
      }
    } else if (report.step == LAUNCH_READY) {
      result->ready = true;
    } else if (report.step != LAUNCH_FORKED) {
      if (error == 0) error = failed(report, result);
    } else {
      forks--;
      if (report.detail != 0) pid = report.detail;
      const int pidfd = result_of(::syscall(SYS_pidfd_open, pid, 0));
      if (pidfd < 0) {
        if (error == 0) result->step = "pidfd_open";
        if (error == 0) error = pidfd;
        ::kill(pid, SIGKILL);  // nobody has waited for it, so the number is its own still
        wait_for_end(P_PID, pid);
      } else {
        earlier.push_back(result->pidfd);
        result->pidfd = pidfd;
        result->pid = pid;
      }
    }
  }
  if (error != 0) {
    kill(result->pidfd, SIGKILL);
    reap(result->pidfd);
    result->pidfd = -1;
  }
  for (int pidfd : earlier) reap(pidfd);
  if (error != 0 || !open) {
    ::close(channel);
  } else {
    result->channel = channel;
  }
  return error;
}

int read_report(int channel, Result* result) {
  launch_report report;
  const int got = receive(channel, &report, nullptr);
  if (got == -EAGAIN) return 0;
  if (got <= 0) return 1;
  if (report.step == LAUNCH_ENTERED) {
    result->detail = report.detail;
    result->forked = report.error != 0;
    return kEntered;
  }
  if (report.step != LAUNCH_FORKED) return failed(report, result);
  result->step = "pidfd_open";
  result->pid = report.detail;
  result->pidfd = result_of(::syscall(SYS_pidfd_open, report.detail, 0));
  return result->pidfd < 0 ? result->pidfd : kForked;
}

int wait(int pidfd, int* code, int* signal) { return wait_with(pidfd, WNOHANG, code, signal); }

int wait_for(int pidfd, int* code, int* signal) {
  const int done = wait_with(pidfd, 0, code, signal);
  return done < 0 ? done : 0;
}

int kill(int pidfd, int signal) {
  return result_of(::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0));
}

}  // namespace spawn
