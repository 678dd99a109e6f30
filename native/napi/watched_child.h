// A child that runs, as JavaScript has it: watched by libuv until its end. Lives as long as its
// environment: a Worker that is terminated takes its watchers along and leaves the child to the
// reaper.
#pragma once
#include <napi.h>
#include <uv.h>

#include <vector>

#include "base/namespaces.h"
#include "child/reaper.h"
#include "child/spawn.h"
#include "napi/environment.h"
#include "napi/listener.h"
#include "napi/watchers.h"

namespace js {

// What failed, for src/child/failures.ts.
inline Napi::Object Failure(Napi::Env env, int error, const spawn::Result& result) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("error", Napi::Number::New(env, error));
  object.Set("step", Napi::String::New(env, result.step));
  object.Set("detail", Napi::Number::New(env, result.detail));
  object.Set("setup", Napi::Boolean::New(env, result.setup));
  object.Set("words", Napi::String::New(env, result.helper_words));
  return object;
}

// What a child calls: `ended` at its end, `failed` before that where the program was not run,
// `moved` when another process has taken its place, `entered` when preload.c is through, `terminal`
// with our end of its terminal, where that was not known at once.
struct Listeners {
  Napi::FunctionReference ended;
  Napi::FunctionReference failed;
  Napi::FunctionReference moved;
  Napi::FunctionReference entered;
  Napi::FunctionReference terminal;
};

// A child that runs. Deleted when JavaScript has dropped it and libuv has closed its watchers.
class Child {
 public:
  Child(Napi::Env env, const spawn::Result& result, Listeners listeners)
      : env_(env),
        receiver_(Napi::Persistent(Napi::Object::New(env))),
        listeners_(std::move(listeners)),
        launch_(result.launch),
        over_(result.over),
        keeper_(result.keeper),
        watchers_(env, this, &Child::OnEvent, &Child::DeleteIfDone) {
    napi_add_async_cleanup_hook(env, Cleanup, this, &hook_);
  }

  // 0, or the error of libuv, with the child killed.
  int Watch() {
    if (over_) ReapEarlier();
    int failed = WatchProcesses();
    if (failed == 0 && launch_.channel >= 0) {
      failed = watchers_.Watch(kChannel, launch_.channel);
      watchers_.SetRef(kChannel, false);
    }
    if (failed != 0) GiveUp();
    return failed;
  }

  // Our end of its terminal, for the caller to close; -1: none, or not yet.
  int TakeTerminal() {
    if (!over_) return -1;
    const int fd = launch_.terminal;
    launch_.terminal = -1;
    return fd;
  }

  // Until it is the program, or has ended: whether it has come to that.
  bool Settle(int milliseconds) {
    const auto now = [] { return static_cast<int64_t>(uv_hrtime() / 1'000'000); };
    const int64_t end = now() + milliseconds;
    int news = 1;
    for (; !over_ && news > 0; Update()) {
      news = spawn::wait_for_news(launch_, static_cast<int>(end - now()));
    }
    return over_;
  }

  int Kill(int signal) {
    if (!IsThere()) return UV_ESRCH;
    // What is to end it stays what is to end it.
    if (signal == 0 || (over_ && !spawn::terminates(signal))) {
      return spawn::kill(Current().pidfd, signal);
    }
    killed_ = signal;
    if (!over_) Update();  // it may have forked: then that is who is meant
    return IsThere() ? Signal() : UV_ESRCH;
  }

  // Of the last signal; see insist() of signals.h.
  bool Insist(bool last) {
    return IsThere() && spawn::insist(Current().pidfd, killed_, last, &cut_short_, &fate_);
  }

  void SetRef(bool wanted) {
    ref_ = wanted;
    for (int i = 0; i < kChannel; i++) watchers_.SetRef(i, wanted);
  }

  void Drop() {
    dropped_ = true;
    DeleteIfDone();
  }

 private:
  static constexpr int kChannel = 1 + LAUNCH_FORKS;  // behind the processes

  spawn::Process& Current() { return launch_.processes[launch_.current]; }
  bool IsThere() { return Current().pidfd >= 0; }

  int Signal() { return spawn::end_process(Current().pidfd, killed_, over_, &cut_short_, &fate_); }

  // Of each process, from when it is known until it has been reaped.
  int WatchProcesses() {
    for (int i = 0; i <= launch_.current; i++) {
      const int pidfd = launch_.processes[i].pidfd;
      if (pidfd < 0 || watchers_.IsOpen(i)) continue;
      const int failed = watchers_.Watch(i, pidfd);
      if (failed != 0) return failed;
      watchers_.SetRef(i, ref_);
      if (launch_.joined && i > 0) late_[i] = reaper::watch(pidfd);
    }
    return 0;
  }

  void StopListening() {
    watchers_.Close(kChannel);
    if (launch_.channel >= 0) sys::close(launch_.channel);
    launch_.channel = -1;
  }

  // Kills what there is, and watches it no longer.
  void GiveUp() {
    watchers_.CloseAll();
    ForgetLate();
    spawn::abandon(&launch_);
    keeper::end(keeper_);
    keeper_ = nullptr;
  }

  void OnEvent() {
    Napi::HandleScope scope(env_);
    bool ended[kChannel] = {};
    for (int i = 0; !over_ && i <= launch_.current; i++) {
      ended[i] = spawn::has_ended(launch_.processes[i].pidfd);
    }
    Update();
    if (!over_) return LeaveToOthers(ended);
    ReapEarlier();
    if (IsThere() && spawn::has_ended(Current().pidfd)) End();
  }

  // Ends are told, and reaped, when everything is known that came before them. Whose end Update()
  // has taken into account tells it nothing more, but would wake the loop again at once, for as
  // long as somebody holds up another of them.
  void LeaveToOthers(const bool (&ended)[kChannel]) {
    for (int i = 0; i < kChannel; i++) {
      if (ended[i]) watchers_.Stop(i);
    }
  }

  void Update() {
    if (over_) return;
    const int before = launch_.current;
    spawn::Result result;
    const int done = spawn::advance(&launch_, &result);
    over_ = done != 0;
    const int unwatched = WatchProcesses();
    if (unwatched != 0) result.step = "epoll_ctl";
    if (unwatched != 0) return Lose(unwatched, result);
    const bool goes_on = !result.reported || spawn::has_forked(launch_);
    if (done < 0 && goes_on) return Lose(done, result);
    if (over_ || launch_.heard) StopListening();
    if (over_) spawn::forget_forks(&launch_);
    if (over_) ReapEarlier();  // whose end may have been seen before, and wakes nobody again
    if (done < 0) return Fail(done, result);
    if (launch_.current != before) {
      Call(listeners_.moved, {Napi::Number::New(env_, Current().pid)});
      if (killed_ != 0) Signal();
    }
    if (done > 0 && launch_.types >= 0) {
      Call(listeners_.entered,
           {Napi::Number::New(env_, Current().pid), Napi::Number::New(env_, launch_.types)});
    }
    const int terminal = done > 0 ? TakeTerminal() : -1;
    if (terminal >= 0) {
      PerEnv::Of(env_)->Hold(terminal);
      Call(listeners_.terminal, {Napi::Number::New(env_, terminal)});
    }
  }

  // What has forked another in its place has ended, or is about to.
  void ReapEarlier() {
    for (int i = 0; i < launch_.current; i++) {
      spawn::Process& process = launch_.processes[i];
      if (process.pidfd < 0 || !spawn::has_ended(process.pidfd)) continue;
      watchers_.Close(i);
      spawn::reap(process.pidfd);
      process.pidfd = -1;
      CloseIfAllEnded();
    }
  }

  void CloseIfAllEnded() {
    for (const spawn::Process& process : launch_.processes) {
      if (process.pidfd >= 0) return;
    }
    watchers_.CloseAll();
    ForgetLate();
  }

  // The end of the child is told as well, when it comes.
  void Fail(int error, const spawn::Result& result) {
    for (spawn::Process& process : launch_.processes) {
      if (process.pidfd >= 0) spawn::kill(process.pidfd, SIGKILL);
    }
    spawn::forget_terminal(&launch_);
    Call(listeners_.failed, {Failure(env_, error, result)});
  }

  // Its end cannot be watched, or that of what it has forked: so it ends now.
  void Lose(int error, const spawn::Result& result) {
    over_ = true;
    GiveUp();
    Call(listeners_.failed, {Failure(env_, error, result)});
    Call(listeners_.ended, {Napi::Number::New(env_, 0), Napi::Number::New(env_, SIGKILL)});
  }

  void End() {
    int code = 0;
    int signal = 0;
    int ended = spawn::wait(Current().pidfd, &code, &signal);
    if (ended == -ECHILD && reaper::status(late_[launch_.current], &code, &signal) > 0) {
      ended = 1;
    }
    watchers_.Close(launch_.current);
    sys::close(Current().pidfd);
    Current().pidfd = -1;
    CloseIfAllEnded();
    keeper::end(keeper_);
    keeper_ = nullptr;
    if (signal == SIGKILL && cut_short_ != 0) signal = cut_short_;
    Call(listeners_.ended,
         {Napi::Number::New(env_, ended < 0 ? ended : code), Napi::Number::New(env_, signal)});
  }

  void Call(const Napi::FunctionReference& listener, const std::vector<napi_value>& arguments) {
    CallListener(env_, receiver_, listener, arguments);
  }

  // What has not become the program by now has nobody to tell what became of it.
  static void Cleanup(napi_async_cleanup_hook_handle, void* data) {
    auto* self = static_cast<Child*>(data);
    if (!self->over_) self->GiveUp();
    self->StopListening();
    self->watchers_.CloseAll();
    self->ForgetLate();
    spawn::forget_terminal(&self->launch_);
    for (int i = 0; i < kChannel; i++) {
      spawn::Process& process = self->launch_.processes[i];
      if (process.pidfd < 0) continue;
      const bool current = i == self->launch_.current;
      reaper::leave(process.pidfd, current ? self->keeper_ : nullptr);
      process.pidfd = -1;
    }
    self->DeleteIfDone();
  }

  void DeleteIfDone() {
    if (!watchers_.AreClosed()) return;
    if (hook_ != nullptr) {
      napi_remove_async_cleanup_hook(hook_);
      hook_ = nullptr;
      listeners_ = {};
      receiver_.Reset();
    }
    if (dropped_) delete this;
  }

  void ForgetLate() {
    for (reaper::Watched*& watched : late_) {
      reaper::forget(watched);
      watched = nullptr;
    }
  }

  Napi::Env env_;
  Napi::ObjectReference receiver_;
  Listeners listeners_;
  spawn::Launch launch_;
  bool over_;
  int killed_ = 0;                            // the last signal
  int cut_short_ = 0;                         // the one in whose place SIGKILL ended it
  spawn::Fate fate_ = spawn::Fate::kReaches;  // of the last signal, when it was sent
  bool ref_ = true;
  keeper::Keeper* keeper_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  reaper::Watched* late_[kChannel] = {};  // of what is in a joined pid namespace
  Watchers<Child, kChannel + 1> watchers_;
  bool dropped_ = false;
};

}  // namespace js
