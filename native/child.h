// A child that runs, as JavaScript has it: watched by libuv until its end. Lives as long as its
// environment: a Worker that is terminated takes its watchers along and leaves the child to the
// reaper.
#pragma once
#include <napi.h>
#include <uv.h>

#include <vector>

#include "spawn.h"
#include "sys.h"

namespace js {

// What failed, for src/child/failures.ts.
inline Napi::Object Failure(Napi::Env env, int error, const spawn::Result& result) {
  Napi::Object object = Napi::Object::New(env);
  object.Set("error", Napi::Number::New(env, error));
  object.Set("step", Napi::String::New(env, result.step));
  object.Set("detail", Napi::Number::New(env, result.detail));
  object.Set("setup", Napi::Boolean::New(env, result.setup));
  return object;
}

// A child that runs. Deleted when JavaScript has dropped it and libuv has closed its watchers.
class Child {
 public:
  Child(Napi::Env env, const spawn::Result& result, Napi::Function ended, Napi::Function failed,
        Napi::Value entered)
      : env_(env),
        ended_(Napi::Persistent(ended)),
        failed_(Napi::Persistent(failed)),
        pid_(result.pid),
        keeper_(result.keeper) {
    if (entered.IsFunction()) entered_ = Napi::Persistent(entered.As<Napi::Function>());
    napi_add_async_cleanup_hook(env, Cleanup, this, &hook_);
  }

  // 0, or the error of libuv, with the child killed.
  int Watch(const spawn::Result& result) {
    int failed = WatchExit(result.pidfd);
    if (failed == 0 && result.channel >= 0) {
      failed = Watch(&report_, result.channel, &channel_,
                     [](uv_poll_t* handle, int, int) { Self(handle)->OnReport(); });
      if (failed == 0) uv_unref(reinterpret_cast<uv_handle_t*>(&report_));
    }
    if (failed == 0) return 0;
    spawn::kill(result.pidfd, 9);
    if (result.channel >= 0) sys::close(result.channel);
    LeaveChild(result.pidfd);
    return failed;
  }

  int Kill(int signal) {
    killed_ = signal;
    return pidfd_ < 0 ? UV_ESRCH : spawn::kill(pidfd_, signal);
  }
  void Ref() {
    if (pidfd_ >= 0) uv_ref(reinterpret_cast<uv_handle_t*>(exit_));
  }
  void Unref() {
    if (pidfd_ >= 0) uv_unref(reinterpret_cast<uv_handle_t*>(exit_));
  }

  void Drop() {
    dropped_ = true;
    DeleteIfDone();
  }

 private:
  static Child* Self(uv_poll_t* handle) { return static_cast<Child*>(handle->data); }

  int Watch(uv_poll_t* handle, int fd, int* watched, uv_poll_cb callback) {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    const int failed = uv_poll_init(loop, handle, fd);
    if (failed != 0) return failed;
    handle->data = this;
    *watched = fd;
    open_++;
    return uv_poll_start(handle, UV_READABLE, callback);
  }

  int WatchExit(int pidfd) {
    return Watch(exit_, pidfd, &pidfd_,
                 [](uv_poll_t* handle, int, int) { Self(handle)->OnExit(); });
  }

  // Gives back the fd, which is no longer watched.
  int Unwatch(uv_poll_t* handle, int* watched) {
    const int fd = *watched;
    if (fd < 0) return fd;
    *watched = -1;
    uv_close(reinterpret_cast<uv_handle_t*>(handle), [](uv_handle_t* closed) {
      auto* self = static_cast<Child*>(closed->data);
      self->open_--;
      self->DeleteIfDone();
    });
    return fd;
  }

  void LeaveChild(int pidfd) {
    Unwatch(exit_, &pidfd_);
    keeper::leave_to_reaper(pidfd, keeper_);
    keeper_ = nullptr;
  }

  void OnExit() {
    int code = 0;
    int signal = 0;
    const int ended = spawn::wait(pidfd_, &code, &signal);
    if (ended == 0) return;
    const uv_poll_t* watched = exit_;
    if (channel_ >= 0) OnReport();  // what it said last comes before its end
    if (exit_ != watched) return;
    StopReading();
    sys::close(Unwatch(exit_, &pidfd_));
    keeper::end(keeper_);
    keeper_ = nullptr;
    Napi::HandleScope scope(env_);
    Call(ended_,
         {Napi::Number::New(env_, ended < 0 ? ended : code), Napi::Number::New(env_, signal)});
  }

  void OnReport() {
    spawn::Result result;
    int said = spawn::read_report(channel_, &result);
    for (; said > 1; said = spawn::read_report(channel_, &result)) {
      if (said == spawn::kForked) said = GoOnWith(result);
      if (said < 0) break;
      if (said == spawn::kEntered) {
        types_ = result.detail;
        forks_ = result.forked;
      }
      // They are said by two processes: either may come first.
      if (types_ < 0 || (forks_ && exit_ != &successor_)) continue;
      Napi::HandleScope scope(env_);
      Call(entered_, {Napi::Number::New(env_, pid_), Napi::Number::New(env_, types_)});
      if (channel_ < 0) return;
    }
    if (said == 0) return;
    StopReading();
    if (said > 0) return;
    Napi::HandleScope scope(env_);
    Call(failed_, {Failure(env_, said, result)});
  }

  // The process that we knew has forked another in its place, and is ending.
  int GoOnWith(const spawn::Result& result) {
    const int earlier = Unwatch(exit_, &pidfd_);
    spawn::kill(earlier, 9);
    spawn::reap(earlier);
    pid_ = result.pid;
    exit_ = &successor_;
    if (killed_ != 0) spawn::kill(result.pidfd, killed_);
    const int failed = WatchExit(result.pidfd);
    if (failed != 0) LeaveChild(result.pidfd);
    return failed == 0 ? spawn::kForked : failed;
  }

  void StopReading() {
    if (channel_ >= 0) sys::close(Unwatch(&report_, &channel_));
  }

  // What a listener throws is an uncaught exception, as it is for Node's own handles.
  void Call(const Napi::FunctionReference& function, const std::vector<napi_value>& arguments) {
    napi_value global;
    napi_value ignored;
    napi_get_global(env_, &global);
    const napi_status status = napi_make_callback(env_, nullptr, global, function.Value(),
                                                  arguments.size(), arguments.data(), &ignored);
    if (status != napi_pending_exception) return;
    napi_value thrown;
    napi_get_and_clear_last_exception(env_, &thrown);
    napi_fatal_exception(env_, thrown);
  }

  static void Cleanup(napi_async_cleanup_hook_handle, void* data) {
    auto* self = static_cast<Child*>(data);
    self->StopReading();
    if (self->pidfd_ >= 0) self->LeaveChild(self->pidfd_);
    self->DeleteIfDone();
  }

  void DeleteIfDone() {
    if (open_ > 0) return;
    if (hook_ != nullptr) {
      napi_remove_async_cleanup_hook(hook_);
      hook_ = nullptr;
      ended_.Reset();
      failed_.Reset();
      entered_.Reset();
    }
    if (dropped_) delete this;
  }

  Napi::Env env_;
  Napi::FunctionReference ended_;
  Napi::FunctionReference failed_;
  Napi::FunctionReference entered_;
  int pid_;
  int killed_ = 0;  // the last signal
  int types_ = -1;  // that it has entered, once it has
  bool forks_ = false;
  keeper::Keeper* keeper_;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  uv_poll_t first_;
  uv_poll_t successor_;
  uv_poll_t* exit_ = &first_;
  uv_poll_t report_;
  int pidfd_ = -1;  // -1: not watched
  int channel_ = -1;
  int open_ = 0;  // watchers that libuv has not closed yet
  bool dropped_ = false;
};

}  // namespace js
