// A file that JavaScript is told of when it can be read or written. It belongs to this from then
// on: closed when JavaScript says so, has dropped it, or the environment ends.
#pragma once
#include <napi.h>
#include <uv.h>

#include "base/left_behind.h"
#include "napi/listener.h"

namespace js {

class WatchedFile {
 public:
  WatchedFile(Napi::Env env, int fd, Napi::Function listener)
      : env_(env),
        receiver_(Napi::Persistent(Napi::Object::New(env))),
        listener_(Napi::Persistent(listener)),
        fd_(fd) {
    napi_add_async_cleanup_hook(env, Cleanup, this, &hook_);
  }

  // 0, or the error of libuv. libuv makes the file non-blocking.
  int Open() {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env_, &loop);
    auto* watcher = new uv_poll_t;
    const int failed = uv_poll_init(loop, watcher, fd_);
    if (failed != 0) {
      delete watcher;
      return failed;
    }
    watcher->data = this;
    watcher_ = watcher;
    return 0;
  }

  // UV_READABLE, UV_WRITABLE, both or nothing: what is waited for, which keeps the loop alive. The
  // listener gets these, or the error with which libuv has stopped waiting: of a hangup by the
  // kernel.
  int Want(int events) {
    if (watcher_ == nullptr) return UV_EBADF;
    if (events == 0) return uv_poll_stop(watcher_);
    return uv_poll_start(watcher_, events, [](uv_poll_t* handle, int failed, int seen) {
      static_cast<WatchedFile*>(handle->data)->Tell(failed < 0 ? failed : seen);
    });
  }

  void Close() {
    if (watcher_ != nullptr) {
      uv_poll_t* watcher = watcher_;
      watcher_ = nullptr;
      closing_ = true;
      uv_close(reinterpret_cast<uv_handle_t*>(watcher), [](uv_handle_t* closed) {
        auto* self = static_cast<WatchedFile*>(closed->data);
        delete reinterpret_cast<uv_poll_t*>(closed);
        self->closing_ = false;
        self->DeleteIfDone();
      });
    }
    if (fd_ >= 0) behind::close(fd_);
    fd_ = -1;
    listener_.Reset();
    DeleteIfDone();
  }

  void Drop() {
    dropped_ = true;
    Close();
  }

  int fd() const { return fd_; }

 private:
  void Tell(int events) {
    Napi::HandleScope scope(env_);
    CallListener(env_, receiver_, listener_, {Napi::Number::New(env_, events)});
  }

  static void Cleanup(napi_async_cleanup_hook_handle, void* data) {
    auto* self = static_cast<WatchedFile*>(data);
    self->ending_ = true;
    self->Close();
  }

  void DeleteIfDone() {
    if (watcher_ != nullptr || closing_) return;
    if (hook_ != nullptr && (dropped_ || ending_)) {
      napi_remove_async_cleanup_hook(hook_);
      hook_ = nullptr;
      receiver_.Reset();
    }
    if (dropped_) delete this;
  }

  Napi::Env env_;
  Napi::ObjectReference receiver_;
  Napi::FunctionReference listener_;
  int fd_;
  uv_poll_t* watcher_ = nullptr;
  napi_async_cleanup_hook_handle hook_ = nullptr;
  bool closing_ = false;
  bool dropped_ = false;
  bool ending_ = false;
};

}  // namespace js
