// JavaScript to sigusr1.h, outside.h and open_inside.h: what callbacks need of threads and signals.
#include <errno.h>
#include <napi.h>
#include <uv.h>

#include <atomic>

#include "base/namespaces.h"
#include "base/outside.h"
#include "callback/open_inside.h"
#include "callback/sigusr1.h"
#include "napi/environment.h"
#include "napi/exports.h"
#include "napi/values.h"

namespace js {
namespace {

// One for an environment, made by the first hold and kept to its end: a signal may be on its way.
class Watch {
 public:
  Watch(Napi::Env env, Napi::Function call)
      : env_(env),
        receiver_(Napi::Persistent(Napi::Object::New(env))),
        call_(Napi::Persistent(call)),
        context_(env, "linux-namespaces.SIGUSR1") {
    uv_loop_t* loop = nullptr;
    napi_get_uv_event_loop(env, &loop);
    async_.data = this;
    uv_async_init(loop, &async_, OnAsync);
    uv_unref(reinterpret_cast<uv_handle_t*>(&async_));
    napi_add_async_cleanup_hook(env, Cleanup, this, nullptr);
  }
  static void Notify(void* data) { uv_async_send(&static_cast<Watch*>(data)->async_); }

 private:
  static void OnAsync(uv_async_t* async) {
    auto* watch = static_cast<Watch*>(async->data);
    Napi::HandleScope scope(watch->env_);
    watch->call_.MakeCallback(watch->receiver_.Value(), {}, watch->context_);
  }

  static void Cleanup(napi_async_cleanup_hook_handle handle, void* data) {
    debugger::release();
    auto* watch = static_cast<Watch*>(data);
    watch->handle_ = handle;
    uv_close(reinterpret_cast<uv_handle_t*>(&watch->async_), [](uv_handle_t* closed) {
      auto* watch = static_cast<Watch*>(closed->data);
      napi_remove_async_cleanup_hook(watch->handle_);
      // Not deleted: the environment is going, and with it what the references point to.
      watch->call_.SuppressDestruct();
      watch->receiver_.SuppressDestruct();
    });
  }

  Napi::Env env_;
  Napi::ObjectReference receiver_;  // of our own: Node looks for a domain on it
  Napi::FunctionReference call_;
  Napi::AsyncContext context_;
  uv_async_t async_;
  napi_async_cleanup_hook_handle handle_ = nullptr;
};

napi_value HoldDebugger(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  PerEnv* own = PerEnv::Of(env);
  if (own->watch == nullptr) own->watch = new Watch(env, Napi::Function(env, given[0]));
  napi_value held = nullptr;
  napi_get_boolean(env, debugger::hold(Watch::Notify, own->watch), &held);
  return held;
}

napi_value ReleaseDebugger(napi_env, napi_callback_info) {
  debugger::release();
  return nullptr;
}

// libuv makes all threads of its pool when it is first given work, and waits until each has
// started. A thread inherits the namespaces of its maker for good, so this has to happen outside,
// before the first switch of any thread of the process.
napi_value WarmThreadPool(napi_env env, napi_callback_info) {
  static std::atomic<bool> warm{false};
  if (warm.exchange(true)) return FromInt(env, 0);
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(env, &loop);
  auto* request = new uv_work_t;
  const int done = uv_queue_work(
      loop, request, [](uv_work_t*) {}, [](uv_work_t* work, int) { delete work; });
  if (done != 0) {
    delete request;
    warm = false;
  }
  return FromInt(env, done);
}

// Of each type, in one list: its flag, and the fd of where this thread lives.
napi_value LeaveOutside(napi_env env, napi_callback_info info) {
  int flags[outside::kTypes] = {};
  int fds[outside::kTypes] = {};
  const Arguments<2 * outside::kTypes> given(env, info);
  for (int i = 0; i < outside::kTypes; i++) {
    flags[i] = Int(env, given[2 * i]);
    fds[i] = Int(env, given[2 * i + 1]);
  }
  return FromInt(env, outside::leave(flags, fds, outside::kTypes));
}

napi_value ComeBack(napi_env, napi_callback_info) {
  outside::come_back();
  return nullptr;
}

// A pidfd, then of each type its flag and an fd of where this thread is. Fds, or -errno.
napi_value OpenInside(napi_env env, napi_callback_info info) {
  open_inside::Way ways[outside::kTypes];
  int fds[outside::kTypes];
  int count = 0;
  const Arguments<1 + 2 * outside::kTypes> given(env, info);
  for (; count < outside::kTypes; count++) {
    const int type = Int(env, given[1 + 2 * count]);
    if (type < 0) break;  // no more were given
    ways[count] = {type, Int(env, given[2 + 2 * count])};
  }
  const int done = open_inside::open(Int(env, given[0]), ways, count, fds);
  return done < 0 ? FromInt(env, done) : FromOpened(env, fds, static_cast<size_t>(count));
}

// The end of the process, where going on would mean to run in the wrong namespace. Written straight
// to stderr: nothing of Node's may run any more.
napi_value Die(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  sys::die(Text(env, given[0]).c_str());
}

}  // namespace

void ExportCallback(napi_env env, napi_value exports) {
  Export(env, exports, "holdDebugger", HoldDebugger);
  Export(env, exports, "releaseDebugger", ReleaseDebugger);
  Export(env, exports, "warmThreadPool", WarmThreadPool);
  Export(env, exports, "leaveOutside", LeaveOutside);
  Export(env, exports, "comeBack", ComeBack);
  Export(env, exports, "openInside", OpenInside);
  Export(env, exports, "die", Die);
}

}  // namespace js
