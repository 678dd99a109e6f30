// JavaScript to by_thread.h, by_launcher.h, bind_mount.h and clone.h: making namespaces, binding
// them to files, and clone(2) itself.
#include <errno.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/namespaces.h"
#include "child/spawn.h"
#include "create/bind_mount.h"
#include "create/by_launcher.h"
#include "create/by_thread.h"
#include "create/clone.h"
#include "napi/environment.h"
#include "napi/exports.h"
#include "napi/job.h"
#include "napi/values.h"

namespace js {
namespace {

// Copies it; its length, or -1 where there is none.
template <size_t size>
int Name(napi_env env, napi_value value, char (&to)[size]) {
  if (!IsText(env, value)) return -1;
  const std::string name = Text(env, value);
  if (name.size() >= size) return -1;
  memcpy(to, name.data(), name.size());
  return static_cast<int>(name.size());
}

// create(types, names, hostname | undefined, domainname | undefined, loopback): see Created in
// binding.ts.
class Create : public Job {
 public:
  Create(napi_env env, napi_callback_info info) : request_{} {
    const Arguments<5> given(env, info);
    request_.types = Int(env, given[0]);
    uint32_t count = 0;
    napi_get_array_length(env, given[1], &count);
    for (uint32_t i = 0; i < count && i < create::kMost; i++) {
      napi_value name = nullptr;
      napi_get_element(env, given[1], i, &name);
      names_[i] = Text(env, name);
      pointers_[i] = names_[i].c_str();
    }
    request_.names = pointers_;
    request_.hostname_length = Name(env, given[2], request_.hostname);
    request_.domainname_length = Name(env, given[3], request_.domainname);
    request_.loopback = Bool(env, given[4]);
  }

 protected:
  void Run() override { error_ = create::run(&request_); }

  napi_value Refused(napi_env env, int error) override {
    error_ = error;
    request_.step = "clone";
    return Result(env);
  }

  napi_value Result(napi_env env) override {
    napi_value result = NewObject(env);
    Set(env, result, "error", FromInt(env, error_));
    Set(env, result, "step", FromText(env, request_.step));
    Set(env, result, "fds", FromOpened(env, request_.fds, static_cast<size_t>(request_.count)));
    request_.count = 0;  // the environment's from now on
    return result;
  }

  void Discard() override {
    while (request_.count > 0) sys::close(request_.fds[--request_.count]);
  }

 private:
  create::Request request_;
  std::string names_[create::kMost];
  const char* pointers_[create::kMost + 1] = {};
  int error_ = 0;
};

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
    Set(env, result, "words", FromText(env, request_.failure.helper_words));
    const int count = error_ == 0 ? request_.count : 0;
    Set(env, result, "fds", FromOpened(env, request_.fds, static_cast<size_t>(count)));
    const bool init = error_ == 0 && request_.init;
    const int pipe = init ? PerEnv::Of(env)->Hold(request_.init_pipe) : -1;
    error_ = -ECANCELED;  // the environment's from now on
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

std::vector<char*> Strings(napi_env env, napi_value array, std::vector<std::string>* keep) {
  *keep = Texts(env, array);
  std::vector<char*> pointers;
  for (std::string& text : *keep) pointers.push_back(text.data());
  pointers.push_back(nullptr);
  return pointers;
}

// clone(types, file, args, env): { error, step, pid, pidfd }.
napi_value Clone(napi_env env, napi_callback_info info) {
  const Arguments<4> given(env, info);
  const std::string file = Text(env, given[1]);
  std::vector<std::string> args;
  std::vector<std::string> pairs;
  const std::vector<char*> argv = Strings(env, given[2], &args);
  const std::vector<char*> envp = Strings(env, given[3], &pairs);
  clone_call::Program program = {static_cast<uint32_t>(Int(env, given[0])),
                                 file.c_str(),
                                 argv.data(),
                                 envp.data(),
                                 -1,
                                 -1,
                                 ""};
  const int error = clone_call::run(&program);
  napi_value result = NewObject(env);
  Set(env, result, "error", FromInt(env, error));
  Set(env, result, "step", FromText(env, program.step));
  Set(env, result, "pid", FromInt(env, program.pid));
  Set(env, result, "pidfd", FromInt(env, program.pidfd));
  return result;
}

// wait(pidfd): a promise of { error, code, signal }.
class Wait : public Job {
 public:
  Wait(napi_env env, napi_callback_info info) {
    const Arguments<1> given(env, info);
    pidfd_ = sys::dup(Int(env, given[0]));
  }
  ~Wait() override {
    if (pidfd_ >= 0) sys::close(pidfd_);
  }

 protected:
  void Run() override { error_ = pidfd_ < 0 ? pidfd_ : spawn::wait_for(pidfd_, &code_, &signal_); }

  napi_value Refused(napi_env env, int error) override {
    error_ = error;
    return Result(env);
  }

  napi_value Result(napi_env env) override {
    napi_value result = NewObject(env);
    Set(env, result, "error", FromInt(env, error_));
    Set(env, result, "code", FromInt(env, code_));
    Set(env, result, "signal", FromInt(env, signal_));
    return result;
  }

 private:
  int pidfd_;
  int error_ = 0;
  int code_ = 0;
  int signal_ = 0;
};

}  // namespace

void ExportCreate(napi_env env, napi_value exports) {
  Export(env, exports, "create", Begin<Create>);
  Export(env, exports, "hold", Begin<Hold>);
  Export(env, exports, "bindFile", BindFile);
  Export(env, exports, "unbindFile", UnbindFile);
  Export(env, exports, "addFile", Begin<Add>);
  Export(env, exports, "clone", Clone);
  Export(env, exports, "wait", Begin<Wait>);
}

}  // namespace js
