// What the bind_*.cc files show to addon.cc: each adds its functions to the exports.
#pragma once
#include <napi.h>

namespace js {

void Sys(Napi::Env env, Napi::Object exports);
void Task(Napi::Env env, Napi::Object exports);
void Debugger(Napi::Env env, Napi::Object exports);
void Spawn(Napi::Env env, Napi::Object exports);

}  // namespace js
