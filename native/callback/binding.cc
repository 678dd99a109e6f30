// JavaScript to debugger.h: `holdDebugger(fn)` catches SIGUSR1 and calls fn from the event loop,
// which is where this thread is at home; `releaseDebugger()` gives the signal back to Node.
#include <napi.h>
#include <uv.h>

#include "napi/exports.h"
#include "callback/sigusr1.h"
#include "napi/environment.h"
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

}  // namespace

void Debugger(napi_env env, napi_value exports) {
  Export(env, exports, "holdDebugger", HoldDebugger);
  Export(env, exports, "releaseDebugger", ReleaseDebugger);
}

}  // namespace js
