// JavaScript to clone.h: clone(2), and waiting for what it made, on a thread of its own.
#include <string>
#include <vector>

#include "napi/exports.h"
#include "create/clone.h"
#include "napi/environment.h"
#include "napi/job.h"
#include "child/spawn.h"
#include "base/namespaces.h"
#include "napi/values.h"

namespace js {
namespace {

std::vector<char*> Strings(napi_env env, napi_value array, std::vector<std::string>* keep) {
  uint32_t count = 0;
  napi_get_array_length(env, array, &count);
  keep->resize(count);
  std::vector<char*> pointers;
  for (uint32_t i = 0; i < count; i++) {
    napi_value text = nullptr;
    napi_get_element(env, array, i, &text);
    (*keep)[i] = Text(env, text);
    pointers.push_back((*keep)[i].data());
  }
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

void Cloning(napi_env env, napi_value exports) {
  Export(env, exports, "clone", Clone);
  Export(env, exports, "wait", Begin<Wait>);
}

}  // namespace js
