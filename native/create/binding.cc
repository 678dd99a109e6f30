// JavaScript to hold.h and persist.h: making namespaces by a process, and binding them to files.
#include <errno.h>

#include <cstring>
#include <string>

#include "napi/exports.h"
#include "napi/environment.h"
#include "create/by_launcher.h"
#include "napi/job.h"
#include "create/bind_mount.h"
#include "base/namespaces.h"
#include "napi/values.h"

namespace js {
namespace {

std::string Bytes(napi_env env, napi_value value) {
  void* data = nullptr;
  size_t length = 0;
  bool typed = false;
  napi_is_typedarray(env, value, &typed);
  if (typed) {
    napi_get_typedarray_info(env, value, nullptr, &length, &data, nullptr, nullptr);
  }
  return std::string(static_cast<const char*>(data), data == nullptr ? 0 : length);
}

// hold(types, names, create, root | undefined, init): see Held in binding.ts.
class Hold : public Job {
 public:
  Hold(napi_env env, napi_callback_info info) : request_{} {
    const Arguments<5> given(env, info);
    uint32_t count = 0;
    napi_get_array_length(env, given[1], &count);
    for (uint32_t i = 0; i < count && i < hold::kMost; i++) {
      napi_value type = nullptr;
      napi_value name = nullptr;
      napi_get_element(env, given[0], i, &type);
      napi_get_element(env, given[1], i, &name);
      request_.types[i] = Int(env, type);
      names_[i] = Text(env, name);
      request_.names[i] = names_[i].c_str();
      request_.spawn.fixed.unshare |= static_cast<uint32_t>(request_.types[i]);
      request_.wanted++;
    }
    request_.spawn.create = Bytes(env, given[2]);
    if (IsText(env, given[3])) request_.spawn.root = Text(env, given[3]);
    request_.init = Bool(env, given[4]);
  }

 protected:
  void Run() override { error_ = hold::run(&request_); }

  napi_value Refused(napi_env env, int error) override {
    error_ = error;
    request_.failure.step = "clone";
    return Result(env);
  }

  napi_value Result(napi_env env) override {
    napi_value result = NewObject(env);
    Set(env, result, "error", FromInt(env, error_));
    Set(env, result, "step", FromText(env, request_.failure.step));
    Set(env, result, "detail", FromInt(env, request_.failure.detail));
    napi_value fds = NewArray(env);
    PerEnv* held = PerEnv::Of(env);
    for (int i = 0; error_ == 0 && i < request_.count; i++) {
      Set(env, fds, static_cast<uint32_t>(i), FromInt(env, held->Hold(request_.fds[i])));
    }
    const bool init = error_ == 0 && request_.init;
    const int pipe = init ? held->Hold(request_.init_pipe) : -1;
    error_ = -ECANCELED;  // the environment's from now on
    Set(env, result, "fds", fds);
    Set(env, result, "init", FromInt(env, pipe));
    return result;
  }

  void Discard() override {
    if (error_ != 0) return;
    while (request_.count > 0) sys::close(request_.fds[--request_.count]);
    if (request_.init) sys::close(request_.init_pipe);
  }

 private:
  hold::Request request_;
  std::string names_[hold::kMost];
  int error_ = -ECANCELED;
};

// A promise of 0 or -errno. The paths are the thread's own: whatever becomes of JavaScript's.
class Persist : public Job {
 protected:
  napi_value Refused(napi_env env, int error) override { return FromInt(env, error); }
  napi_value Result(napi_env env) override { return FromInt(env, error_); }
  int error_ = 0;
};

// add(fd, directory, path). The fd is a copy of ours: the handle may be closed meanwhile.
class Add : public Persist {
 public:
  Add(napi_env env, napi_callback_info info) {
    const Arguments<3> given(env, info);
    fd_ = sys::dup(Int(env, given[0]));
    directory_ = Text(env, given[1]);
    path_ = Text(env, given[2]);
  }
  ~Add() override {
    if (fd_ >= 0) sys::close(fd_);
  }

 protected:
  void Run() override {
    error_ = fd_ < 0 ? fd_ : persist::add(fd_, directory_.c_str(), path_.c_str());
  }

 private:
  int fd_;
  std::string directory_;
  std::string path_;
};

napi_value BindFile(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  return FromInt(env, persist::bind(Int(env, given[0]), Text(env, given[1]).c_str()));
}

napi_value UnbindFile(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  return FromInt(env, persist::unbind(Text(env, given[0]).c_str(), Bool(env, given[1])));
}

}  // namespace

void Creating(napi_env env, napi_value exports) {
  Export(env, exports, "hold", Begin<Hold>);
  Export(env, exports, "bindFile", BindFile);
  Export(env, exports, "unbindFile", UnbindFile);
  Export(env, exports, "addFile", Begin<Add>);
}

}  // namespace js
