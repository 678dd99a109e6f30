// What the addon keeps for each environment (the main thread, each Worker): the fds that it opened.
// A Worker can be terminated between any two steps of its JavaScript: what it holds then is closed
// here.
#pragma once
#include <node_api.h>

#include <vector>

#include "base/namespaces.h"
#include "napi/values.h"

namespace js {

class PerEnv {
 public:
  ~PerEnv() {
    for (size_t fd = 0; fd < held_.size(); fd++) {
      if (held_[fd]) sys::close(static_cast<int>(fd));
    }
  }

  static PerEnv* Of(napi_env env) {
    void* data = nullptr;
    napi_get_instance_data(env, &data);
    return static_cast<PerEnv*>(data);
  }

  // From a call that opens: takes charge of the fd, unless it is an error.
  int Hold(int fd) {
    if (fd < 0) return fd;
    if (static_cast<size_t>(fd) >= held_.size()) held_.resize(fd + 64);
    held_[fd] = true;
    return fd;
  }

  void LetGo(int fd) {
    if (fd >= 0 && static_cast<size_t>(fd) < held_.size()) held_[fd] = false;
  }

  void* watch = nullptr;  // of callback/binding.cc

 private:
  std::vector<bool> held_;
};

// An array of what a call has opened, in the charge of this environment; a -errno among them stays.
inline napi_value FromOpened(napi_env env, const int* fds, size_t count) {
  napi_value list = NewArray(env);
  for (size_t i = 0; i < count; i++) {
    Set(env, list, static_cast<uint32_t>(i), FromInt(env, PerEnv::Of(env)->Hold(fds[i])));
  }
  return list;
}

}  // namespace js
