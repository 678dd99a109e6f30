// Calls a listener of JavaScript from the event loop.
#pragma once
#include <napi.h>

#include <vector>

namespace js {

// What it throws is an uncaught exception, as it is for Node's own handles. The receiver is an
// object of our own: what Node finds on it (a domain) is taken for the context of the call.
inline void CallListener(Napi::Env env, const Napi::ObjectReference& receiver,
                         const Napi::FunctionReference& listener,
                         const std::vector<napi_value>& arguments) {
  if (listener.IsEmpty()) return;
  napi_value ignored;
  const napi_status status = napi_make_callback(env, nullptr, receiver.Value(), listener.Value(),
                                                arguments.size(), arguments.data(), &ignored);
  if (status != napi_pending_exception) return;
  napi_value thrown;
  napi_get_and_clear_last_exception(env, &thrown);
  napi_fatal_exception(env, thrown);
}

}  // namespace js
