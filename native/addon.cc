// The addon's front door. The binding.cc of each folder turns JavaScript into plain C++ and
// makes no system call; each of the others makes system calls and knows nothing of JavaScript.
#include <napi.h>

#include "napi/environment.h"
#include "napi/exports.h"

static Napi::Object Init(Napi::Env env, Napi::Object exports) {
  env.SetInstanceData(new js::PerEnv);
  js::ExportBase(env, exports);
  js::ExportCallback(env, exports);
  js::ExportLookups(env, exports);
  js::ExportChild(env, exports);
  js::ExportReads(env, exports);
  js::ExportTerminals(env, exports);
  js::ExportCreate(env, exports);
  js::ExportInspect(env, exports);
  js::ExportContainers(env, exports);
  js::ExportRoot(env, exports);
  return exports;
}

NODE_API_MODULE(addon, Init)
