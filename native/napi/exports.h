// What the bind_*.cc files show to addon.cc: each adds its functions to the exports.
#pragma once
#include <node_api.h>

namespace js {

void Sys(napi_env env, napi_value exports);
void Task(napi_env env, napi_value exports);
void Debugger(napi_env env, napi_value exports);
void Inspect(napi_env env, napi_value exports);
void State(napi_env env, napi_value exports);
void Cloning(napi_env env, napi_value exports);
void Creating(napi_env env, napi_value exports);
void Spawn(napi_env env, napi_value exports);
void Root(napi_env env, napi_value exports);
void Procfs(napi_env env, napi_value exports);

}  // namespace js
