// JavaScript to create.h and lookup.h: making namespaces and asking the resolver, on threads of
// their own.
#include <cstring>
#include <string>

#include "napi/exports.h"
#include "create/by_thread.h"
#include "napi/environment.h"
#include "napi/job.h"
#include "callback/resolver.h"
#include "base/namespaces.h"
#include "napi/values.h"

namespace js {
namespace {

// Copies it; its length, or -1 where there is none.
template <size_t room>
int Name(napi_env env, napi_value value, char (&to)[room]) {
  if (!IsText(env, value)) return -1;
  const std::string name = Text(env, value);
  if (name.size() >= room) return -1;
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
    napi_value fds = NewArray(env);
    for (int i = 0; i < request_.count; i++) {
      Set(env, fds, static_cast<uint32_t>(i), FromInt(env, PerEnv::Of(env)->Hold(request_.fds[i])));
    }
    request_.count = 0;  // the environment's from now on
    Set(env, result, "fds", fds);
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

// A result of lookup.h: `error` is 0 or EAI_*, and with 1 `system` is the errno.
napi_value Answer(napi_env env, int error, int system) {
  napi_value answer = NewObject(env);
  Set(env, answer, "error", FromInt(env, error));
  Set(env, answer, "system", FromInt(env, system));
  return answer;
}

class Addresses : public Job {
 public:
  Addresses(napi_env env, napi_callback_info info) {
    const Arguments<3> given(env, info);
    host_ = Text(env, given[0]);
    family_ = Int(env, given[1]);
    hints_ = Int(env, given[2]);
  }
  ~Addresses() override { lookup::free_addresses(&found_); }

 protected:
  void Run() override {
    error_ = lookup::addresses(host_.c_str(), family_, hints_, &found_, &system_);
  }

  napi_value Refused(napi_env env, int error) override { return Answer(env, 1, -error); }

  napi_value Result(napi_env env) override {
    napi_value answer = Answer(env, error_, system_);
    napi_value list = NewArray(env);
    for (int i = 0; i < found_.count; i++) {
      napi_value row = NewObject(env);
      Set(env, row, "address", FromText(env, found_.entries[i].text));
      Set(env, row, "family", FromInt(env, found_.entries[i].family));
      Set(env, list, static_cast<uint32_t>(i), row);
    }
    Set(env, answer, "addresses", list);
    return answer;
  }

 private:
  std::string host_;
  int family_;
  int hints_;
  lookup::Addresses found_ = {};
  int error_ = 0;
  int system_ = 0;
};

class Service : public Job {
 public:
  Service(napi_env env, napi_callback_info info) {
    const Arguments<2> given(env, info);
    address_ = Text(env, given[0]);
    port_ = Int(env, given[1]);
  }

 protected:
  void Run() override {
    error_ = lookup::service(address_.c_str(), port_, host_, service_, &system_);
  }

  napi_value Refused(napi_env env, int error) override { return Answer(env, 1, -error); }

  napi_value Result(napi_env env) override {
    napi_value answer = Answer(env, error_, system_);
    Set(env, answer, "hostname", FromText(env, host_));
    Set(env, answer, "service", FromText(env, service_));
    return answer;
  }

 private:
  std::string address_;
  int port_;
  char host_[lookup::kNameMost] = {};
  char service_[lookup::kServiceMost] = {};
  int error_ = 0;
  int system_ = 0;
};

}  // namespace

void Task(napi_env env, napi_value exports) {
  Export(env, exports, "create", Begin<Create>);
  Export(env, exports, "getaddrinfo", Begin<Addresses>);
  Export(env, exports, "getnameinfo", Begin<Service>);
}

}  // namespace js
