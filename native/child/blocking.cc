#include "child/blocking.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <time.h>
#include <unistd.h>

#include "child/internal.h"
#include "child/reaper.h"

namespace spawn {
namespace {

constexpr size_t kChunk = 64 << 10;
constexpr int kStart = 1000;     // milliseconds that the start has at least
constexpr int kGrace = 5000;     // milliseconds from the signal to SIGKILL
constexpr int kLastWait = 1000;  // and from there until it is given up
constexpr double kLongest = 2147483647;

int64_t now() {
  struct timespec time;
  ::clock_gettime(CLOCK_MONOTONIC, &time);
  return int64_t{time.tv_sec} * 1000 + time.tv_nsec / 1'000'000;
}

int poll_until(std::vector<struct pollfd>* polls, int64_t end) {
  const int64_t rest = end < 0 ? -1 : end - now();
  const int most = end < 0     ? -1
                   : rest <= 0 ? 0
                               : static_cast<int>(rest < kLongest ? rest : kLongest);
  const int ready = result_of(::poll(polls->data(), polls->size(), most));
  return ready == -EINTR ? 0 : ready;
}

class Run {
 public:
  Run(const Blocking& options, Result* result, Outcome* outcome)
      : chunk_(kChunk, '\0'),
        options_(options),
        ends_(result->ends),
        child_(result->launch.processes[result->launch.current]),
        outcome_(outcome) {
    outcome_->pid = child_.pid;
    outcome_->outputs.resize(ends_.size());
    for (size_t i = 0; i < ends_.size(); i++) {
      if (ends_[i] < 0) continue;
      ::fcntl(ends_[i], F_SETFL, ::fcntl(ends_[i], F_GETFL) | O_NONBLOCK);
      if (i == 0) Write();
    }
  }

  // Until the child has ended and nobody writes to its pipes any more, or `end`.
  void Follow(int64_t end) {
    while (!stopped_ && (!ended_ || IsOpen())) {
      std::vector<struct pollfd> polls;
      polls.push_back({ended_ ? -1 : child_.pidfd, POLLIN, 0});
      for (size_t i = 0; i < ends_.size(); i++) {
        polls.push_back({ends_[i], static_cast<short>(i == 0 ? POLLOUT : POLLIN), 0});
      }
      const int ready = poll_until(&polls, end);
      if (ready < 0) return Stop(ready);
      if (polls[0].revents != 0) ended_ = true;
      for (size_t i = 0; i < ends_.size(); i++) {
        if (polls[i + 1].revents == 0) continue;
        i == 0 ? Write() : Read(i);
        if (stopped_) return;
      }
      if (ready == 0 && end >= 0 && now() >= end) return Stop(-ETIMEDOUT);
    }
  }

  // What has to end ends, or is left to the reaper.
  void Finish(keeper::Keeper* keeper) {
    int instead = 0;
    Fate fate = Fate::kReaches;
    const bool kills = stopped_ && !ended_;
    // First, as Node does: for want of a reader it might end by itself, as if nobody had ended it.
    if (kills) end_process(child_.pidfd, options_.kill_signal, true, &instead, &fate);
    for (int& fd : ends_) Close(&fd);
    if (kills) {
      if (!WaitInsisting(&instead, &fate)) {
        kill(child_.pidfd, SIGKILL);
        WaitFor(kLastWait);
      }
    }
    if (!ended_ && stopped_) return reaper::leave(child_.pidfd, keeper);
    const int done = wait(child_.pidfd, &outcome_->code, &outcome_->signal);
    if (done < 0 && outcome_->error == 0) outcome_->error = done;
    outcome_->ended = done > 0;
    if (outcome_->signal == SIGKILL && instead != 0) outcome_->signal = instead;
    ::close(child_.pidfd);
    keeper::end(keeper);
  }

 private:
  bool IsOpen() const {
    for (int fd : ends_) {
      if (fd >= 0) return true;
    }
    return false;
  }

  void Stop(int error) {
    outcome_->error = error;
    stopped_ = true;
  }

  static void Close(int* fd) {
    if (*fd >= 0) ::close(*fd);
    *fd = -1;
  }

  // Of a pipe, after which the rest goes on.
  void Fail(int error) {
    if (outcome_->error == 0) outcome_->error = error;
  }

  void Write() {
    while (written_ < options_.input_length) {
      const long done = result_of64(
          ::write(ends_[0], options_.input + written_, options_.input_length - written_));
      if (done == -EINTR) continue;
      if (done == -EAGAIN) return;
      if (done < 0) Fail(static_cast<int>(done));
      if (done < 0) break;
      written_ += static_cast<size_t>(done);
    }
    Close(&ends_[0]);
  }

  void Read(size_t i) {
    const long length = result_of64(::read(ends_[i], &chunk_[0], kChunk));
    if (length == -EINTR || length == -EAGAIN) return;
    if (length < 0 && length != -ECONNRESET) Fail(static_cast<int>(length));
    if (length <= 0) return Close(&ends_[i]);
    outcome_->outputs[i].append(chunk_, 0, static_cast<size_t>(length));
    read_ += static_cast<double>(length);
    if (options_.max_buffer > 0 && read_ > options_.max_buffer) Stop(-ENOBUFS);
  }

  static long result_of64(long value) { return value == -1 ? -errno : value; }

  // For the signal that was sent, which may be dropped yet.
  bool WaitInsisting(int* instead, Fate* fate) {
    int passed = 0;
    for (int next = 1; next < kGrace && !WaitFor(next - passed); next *= 4) {
      passed = next;
      insist(child_.pidfd, options_.kill_signal, false, instead, fate);
    }
    if (!ended_ && !WaitFor(kGrace - passed)) {
      insist(child_.pidfd, options_.kill_signal, true, instead, fate);
    }
    return ended_;
  }

  bool WaitFor(int milliseconds) {
    const int64_t end = now() + milliseconds;
    std::vector<struct pollfd> polls(1, {child_.pidfd, POLLIN, 0});
    while (!ended_ && now() < end) ended_ = poll_until(&polls, end) > 0;
    return ended_;
  }

  std::string chunk_;
  const Blocking& options_;
  std::vector<int>& ends_;
  const Process child_;
  Outcome* outcome_;
  size_t written_ = 0;
  double read_ = 0;
  bool ended_ = false;
  bool stopped_ = false;  // by us, before its time
};

}  // namespace

int run_blocking(Request* request, const Blocking& options, Result* result, Outcome* outcome) {
  const bool ends = options.timeout > 0;
  const int64_t end =
      ends ? now() + static_cast<int64_t>(options.timeout < 1e15 ? options.timeout : 1e15) : -1;
  // A program that is not there is told from one that takes too long.
  const double start_takes = options.timeout > kStart ? options.timeout : kStart;
  request->wait = static_cast<int>(ends && start_takes < kLongest ? start_takes : kLongest);
  const int error = start(request, result);
  if (error == 0 && !result->over) {  // it has not become the program in all this time
    abandon(&result->launch);
    keeper::end(result->keeper);
    outcome->error = -ETIMEDOUT;
  }
  if (error < 0 || outcome->error != 0) {
    for (int fd : result->ends) {
      if (fd >= 0) ::close(fd);
    }
    return error;
  }
  Launch* launch = &result->launch;
  for (int i = 0; i < launch->current; i++) {
    if (launch->processes[i].pidfd >= 0) reap(launch->processes[i].pidfd);
  }
  Run run(options, result, outcome);
  run.Follow(end);
  run.Finish(result->keeper);
  return 0;
}

}  // namespace spawn
