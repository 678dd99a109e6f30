// What the binding.cc of each folder shows to addon.cc: it adds its functions to the exports.
#pragma once
#include <node_api.h>

namespace js {

void ExportBase(napi_env env, napi_value exports);
void ExportCallback(napi_env env, napi_value exports);
void ExportLookups(napi_env env, napi_value exports);
void ExportChild(napi_env env, napi_value exports);
void ExportReads(napi_env env, napi_value exports);
void ExportTerminals(napi_env env, napi_value exports);
void ExportCreate(napi_env env, napi_value exports);
void ExportInspect(napi_env env, napi_value exports);
void ExportContainers(napi_env env, napi_value exports);
void ExportRoot(napi_env env, napi_value exports);

}  // namespace js
