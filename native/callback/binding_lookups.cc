// JavaScript to procfs.h and resolver.h: what callbacks ask of paths and names.
#include <string>

#include "callback/procfs.h"
#include "callback/resolver.h"
#include "napi/exports.h"
#include "napi/job.h"
#include "napi/values.h"

namespace js {
namespace {

napi_value FromAnswer(napi_env env, int failed, const procfs::Answer& answer) {
  if (failed < 0) return FromInt(env, failed);
  if (answer.path[0] != '\0') return FromText(env, answer.path);
  return FromInt(env, answer.by_thread);
}

// Of a text, or of the bytes of one.
std::string Path(napi_env env, napi_value value) {
  if (IsText(env, value)) return Text(env, value);
  void* data = nullptr;
  size_t length = 0;
  if (napi_get_buffer_info(env, value, &data, &length) != napi_ok) return {};
  return std::string(static_cast<const char*>(data), length);
}

// lookAtPath(path, follow, wait)
napi_value LookAtPath(napi_env env, napi_callback_info info) {
  const Arguments<3> given(env, info);
  procfs::Answer answer;
  const std::string path = Path(env, given[0]);
  const int failed =
      procfs::look_at_path(path.c_str(), Bool(env, given[1]), Bool(env, given[2]), &answer);
  return FromAnswer(env, failed, answer);
}

// lookAtFd(fd)
napi_value LookAtFd(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  procfs::Answer answer;
  const int failed = procfs::look_at_fd(Int(env, given[0]), false, &answer);
  return FromAnswer(env, failed, answer);
}

// A look that may have to wait, on a thread of the pool, as the call that it is for would.
struct Look {
  std::string path;
  bool follow = false;
  int fd = -1;
  int failed = 0;
  procfs::Answer answer;
  napi_deferred deferred = nullptr;
  napi_async_work work = nullptr;
};

void Run(napi_env, void* data) {
  auto* look = static_cast<Look*>(data);
  look->failed = look->fd >= 0
                     ? procfs::look_at_fd(look->fd, true, &look->answer)
                     : procfs::look_at_path(look->path.c_str(), look->follow, true, &look->answer);
}

void Settle(napi_env env, napi_status status, void* data) {
  auto* look = static_cast<Look*>(data);
  if (status == napi_ok) {
    napi_resolve_deferred(env, look->deferred, FromAnswer(env, look->failed, look->answer));
  }
  napi_delete_async_work(env, look->work);
  delete look;
}

// lookWaiting(path | fd, follow): a promise of the same.
napi_value LookWaiting(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  auto* look = new Look;
  napi_valuetype type = napi_undefined;
  napi_typeof(env, given[0], &type);
  if (type == napi_number) {
    look->fd = Int(env, given[0]);
  } else {
    look->path = Path(env, given[0]);
  }
  look->follow = Bool(env, given[1]);
  napi_value promise = nullptr;
  if (napi_create_promise(env, &look->deferred, &promise) != napi_ok ||
      napi_create_async_work(env, nullptr, FromText(env, "linux-namespaces"), Run, Settle, look,
                             &look->work) != napi_ok ||
      napi_queue_async_work(env, look->work) != napi_ok) {
    delete look;  // an environment that is being ended
    return nullptr;
  }
  return promise;
}

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

void ExportLookups(napi_env env, napi_value exports) {
  Export(env, exports, "lookAtPath", LookAtPath);
  Export(env, exports, "lookAtFd", LookAtFd);
  Export(env, exports, "lookWaiting", LookWaiting);
  Export(env, exports, "getaddrinfo", Begin<Addresses>);
  Export(env, exports, "getnameinfo", Begin<Service>);
}

}  // namespace js
