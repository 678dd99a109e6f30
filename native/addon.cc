// The addon's front door. Each bind_*.cc turns JavaScript into plain C++ and makes no system call;
// each of the others makes system calls and knows nothing of JavaScript.
#include <napi.h>

#include "napi/exports.h"
#include "napi/environment.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new js::PerEnv);
  js::Sys(env, exports);
  js::Task(env, exports);
  js::Debugger(env, exports);
  js::Inspect(env, exports);
  js::State(env, exports);
  js::Spawn(env, exports);
  js::Creating(env, exports);
  js::Cloning(env, exports);
  js::Root(env, exports);
  js::Procfs(env, exports);
  return exports;
}

NODE_API_MODULE(addon, Init)
