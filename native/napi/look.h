// A job that looks at something, for the binding.cc files. What all of them answer: `error` and
// `step`, and what was put together on the thread. Long lists go over as a few flat arrays and one
// text.
#pragma once
#include <errno.h>

#include <string>

#include "napi/job.h"
#include "napi/values.h"

namespace js {

inline void Add(std::string* texts, const std::string& text) {
  texts->append(text);
  texts->push_back('\0');
}

class Look : public Job {
 protected:
  void Run() override { error_ = Find(); }
  virtual int Find() = 0;
  virtual void Fill(napi_env env, napi_value answer) = 0;

  napi_value Refused(napi_env env, int error) override {
    error_ = error;
    step_ = "clone";
    return Result(env);
  }

  napi_value Result(napi_env env) override {
    napi_value answer = NewObject(env);
    Fill(env, answer);
    Set(env, answer, "error", FromInt(env, error_));
    Set(env, answer, "step", FromText(env, step_));
    return answer;
  }

  // What V8 has no space for is an error, and no field that is not there: a text ends at 512 MiB.
  void Put(napi_env env, napi_value answer, const char* name, napi_value value) {
    if (value == nullptr && error_ >= 0) {
      error_ = -EFBIG;
      step_ = "read";
    }
    Set(env, answer, name, value);
  }

  int error_ = 0;
  const char* step_ = "";
};

}  // namespace js
