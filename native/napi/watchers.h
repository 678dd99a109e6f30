// The handles of libuv by which a child is watched: a poll for each file descriptor, and a check.
// What a poll has seen is told after it, in the order of libuv's own processes: what the child
// wrote before its end has been read by then.
#pragma once
#include <node_api.h>
#include <uv.h>

namespace js {

template <class Owner, int kPolls>
class Watchers {
 public:
  // `Seen` is called after each turn of the event loop in which something was seen, `Closed` for
  // each handle that libuv has closed.
  Watchers(napi_env env, Owner* owner, void (Owner::*seen)(), void (Owner::*closed)())
      : owner_(owner), seen_(seen), closed_(closed) {
    napi_get_uv_event_loop(env, &loop_);
    auto* check = new uv_check_t;
    uv_check_init(loop_, check);
    uv_unref(reinterpret_cast<uv_handle_t*>(check));
    Keep(kCheck, check);
  }

  // 0, or the error of libuv.
  int Watch(int i, int fd) {
    auto* poll = new uv_poll_t;
    const int failed = uv_poll_init(loop_, poll, fd);
    if (failed != 0) {
      delete poll;
      return failed;
    }
    Keep(i, poll);
    return uv_poll_start(poll, UV_READABLE, [](uv_poll_t* handle, int, int) {
      static_cast<Watchers*>(handle->data)->CheckAfterPoll();
    });
  }

  bool IsOpen(int i) const { return handles_[i] != nullptr; }

  void SetRef(int i, bool wanted) {
    if (handles_[i] != nullptr) wanted ? uv_ref(handles_[i]) : uv_unref(handles_[i]);
  }

  // Sees nothing more of it, but is not closed.
  void Stop(int i) {
    if (handles_[i] != nullptr) uv_poll_stop(reinterpret_cast<uv_poll_t*>(handles_[i]));
  }

  void Close(int i) {
    uv_handle_t* handle = handles_[i];
    if (handle == nullptr) return;
    handles_[i] = nullptr;
    uv_close(handle, [](uv_handle_t* closed) {
      auto* self = static_cast<Watchers*>(closed->data);
      if (closed->type == UV_CHECK)
        delete reinterpret_cast<uv_check_t*>(closed);
      else
        delete reinterpret_cast<uv_poll_t*>(closed);
      self->open_--;
      (self->owner_->*self->closed_)();
    });
  }

  // The check too: nothing is told any more.
  void CloseAll() {
    for (int i = 0; i <= kCheck; i++) Close(i);
  }

  bool AreClosed() const { return open_ == 0; }

 private:
  static constexpr int kCheck = kPolls;

  template <class Handle>
  void Keep(int i, Handle* handle) {
    handle->data = this;
    handles_[i] = reinterpret_cast<uv_handle_t*>(handle);
    open_++;
  }

  void CheckAfterPoll() {
    auto* check = reinterpret_cast<uv_check_t*>(handles_[kCheck]);
    if (check == nullptr) return;
    uv_check_start(check, [](uv_check_t* after) {
      auto* self = static_cast<Watchers*>(after->data);
      uv_check_stop(after);
      (self->owner_->*self->seen_)();
    });
  }

  Owner* owner_;
  void (Owner::*seen_)();
  void (Owner::*closed_)();
  uv_loop_t* loop_ = nullptr;
  // nullptr: none. Each has its own memory: one that closes is not used again.
  uv_handle_t* handles_[kPolls + 1] = {};
  int open_ = 0;  // those that libuv has not closed yet
};

}  // namespace js
