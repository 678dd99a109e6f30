// Work that has to be done on a thread of its own: making namespaces (create.h) and asking the
// resolver (lookup.h). The thread is started by the calling thread, and so begins in the namespaces
// that this one is in. Each function returns a promise, which is never rejected: the result says
// it.
#include <uv.h>

#include <cstring>
#include <string>
#include <vector>

#include "bind.h"
#include "create.h"
#include "env.h"
#include "lookup.h"
#include "sys.h"

namespace js {
namespace {

class Job {
 public:
  explicit Job(Napi::Env env) : deferred_(Napi::Promise::Deferred::New(env)) {
    uv_mutex_init(&mutex_);
  }
  virtual ~Job() { uv_mutex_destroy(&mutex_); }

  // Takes ownership of the job.
  static Napi::Value Start(Napi::Env env, Job* job) {
    // In an environment that is being ended nothing can be made any more, and nobody waits.
    Napi::Promise promise = job->deferred_.Promise();
    napi_value name = nullptr;
    if (env.IsExceptionPending() || promise.IsEmpty() ||
        napi_create_string_utf8(env, "linux-namespaces", NAPI_AUTO_LENGTH, &name) != napi_ok) {
      delete job;
      return env.Undefined();
    }
    if (napi_create_threadsafe_function(env, nullptr, nullptr, name, 0, 1, job, Finished, job,
                                        Settle, &job->function_) != napi_ok) {
      delete job;
      Napi::Error::New(env, "no thread-safe function").ThrowAsJavaScriptException();
      return env.Undefined();
    }
    uv_thread_options_t options = {UV_THREAD_HAS_STACK_SIZE, 1 << 20};
    const int failed = uv_thread_create_ex(&job->thread_, &options, Main, job);
    if (failed != 0) {
      job->deferred_.Resolve(Napi::Number::New(env, failed));
      job->unstarted_ = true;
      napi_release_threadsafe_function(job->function_, napi_tsfn_abort);
    }
    return promise;
  }

 protected:
  virtual void Run() = 0;                         // on the thread
  virtual Napi::Value Result(Napi::Env env) = 0;  // on the JavaScript thread
  virtual void Discard() {}                       // nobody is left to take the result

 private:
  // The environment may end (a Worker terminated) while the thread still waits for an answer.
  // Whoever comes second, the thread or the environment, deletes the job; the function dies with
  // the latter.
  static void Main(void* data) {
    auto* job = static_cast<Job*>(data);
    job->Run();
    uv_mutex_lock(&job->mutex_);
    const bool orphan = job->orphan_;
    if (!orphan) {
      job->finished_ = true;
      napi_call_threadsafe_function(job->function_, nullptr, napi_tsfn_nonblocking);
      napi_release_threadsafe_function(job->function_, napi_tsfn_release);
    }
    uv_mutex_unlock(&job->mutex_);
    if (orphan) {
      job->Discard();
      delete job;  // the thread stays unjoined: its stack is kept until the process ends
    }
  }

  static void Settle(napi_env env, napi_value, void* context, void*) {
    if (env == nullptr) return;
    auto* job = static_cast<Job*>(context);
    Napi::Value result = job->Result(env);
    if (result.IsEmpty() || Napi::Env(env).IsExceptionPending()) return;
    job->settled_ = true;
    job->deferred_.Resolve(result);
  }

  static void Finished(napi_env, void* data, void*) {
    auto* job = static_cast<Job*>(data);
    uv_mutex_lock(&job->mutex_);
    const bool done = job->finished_ || job->unstarted_;
    job->orphan_ = !done;
    uv_mutex_unlock(&job->mutex_);
    if (!done) return;
    if (!job->unstarted_) uv_thread_join(&job->thread_);
    if (!job->unstarted_ && !job->settled_) job->Discard();
    delete job;
  }

  Napi::Promise::Deferred deferred_;
  napi_threadsafe_function function_ = nullptr;
  uv_thread_t thread_;
  uv_mutex_t mutex_;
  bool finished_ = false;
  bool orphan_ = false;
  bool settled_ = false;
  bool unstarted_ = false;
};

// create(types, names, hostname | undefined, loopback): fds in the order of names, or [errno,
// step].
class Create : public Job {
 public:
  explicit Create(const Napi::CallbackInfo& info) : Job(info.Env()), request_{} {
    request_.types = info[0].As<Napi::Number>().Int32Value();
    const auto names = info[1].As<Napi::Array>();
    for (uint32_t i = 0; i < names.Length() && i < create::kMost; i++) {
      names_[i] = names.Get(i).As<Napi::String>().Utf8Value();
      pointers_[i] = names_[i].c_str();
    }
    request_.names = pointers_;
    request_.hostname_length = -1;
    if (info[2].IsString()) {
      const std::string hostname = info[2].As<Napi::String>().Utf8Value();
      request_.hostname_length = static_cast<int>(hostname.size());
      memcpy(
          request_.hostname, hostname.data(),
          hostname.size() < sizeof request_.hostname ? hostname.size() : sizeof request_.hostname);
    }
    request_.loopback = info[3].As<Napi::Boolean>().Value();
  }

 protected:
  void Run() override { error_ = create::run(&request_); }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object result = Napi::Object::New(env);
    result.Set("error", Napi::Number::New(env, error_));
    result.Set("step", Napi::String::New(env, request_.step));
    Napi::Array fds = Napi::Array::New(env);
    for (int i = 0; i < request_.count; i++) {
      PerEnv::Of(env)->Hold(request_.fds[i]);
      fds.Set(static_cast<uint32_t>(i), Napi::Number::New(env, request_.fds[i]));
    }
    result.Set("fds", fds);
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
Napi::Object Answer(Napi::Env env, int error, int system) {
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("error", Napi::Number::New(env, error));
  answer.Set("system", Napi::Number::New(env, system));
  return answer;
}

class Addresses : public Job {
 public:
  explicit Addresses(const Napi::CallbackInfo& info)
      : Job(info.Env()),
        host_(info[0].As<Napi::String>().Utf8Value()),
        family_(info[1].As<Napi::Number>().Int32Value()),
        hints_(info[2].As<Napi::Number>().Int32Value()) {}
  ~Addresses() override { lookup::free_addresses(&found_); }

 protected:
  void Run() override {
    error_ = lookup::addresses(host_.c_str(), family_, hints_, &found_, &system_);
  }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object answer = Answer(env, error_, system_);
    Napi::Array list = Napi::Array::New(env);
    for (int i = 0; i < found_.count; i++) {
      Napi::Object row = Napi::Object::New(env);
      row.Set("address", Napi::String::New(env, found_.entries[i].text));
      row.Set("family", Napi::Number::New(env, found_.entries[i].family));
      list.Set(static_cast<uint32_t>(i), row);
    }
    answer.Set("addresses", list);
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
  explicit Service(const Napi::CallbackInfo& info)
      : Job(info.Env()),
        address_(info[0].As<Napi::String>().Utf8Value()),
        port_(info[1].As<Napi::Number>().Int32Value()) {}

 protected:
  void Run() override {
    error_ = lookup::service(address_.c_str(), port_, host_, service_, &system_);
  }

  Napi::Value Result(Napi::Env env) override {
    Napi::Object answer = Answer(env, error_, system_);
    answer.Set("hostname", Napi::String::New(env, host_));
    answer.Set("service", Napi::String::New(env, service_));
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

template <class Kind>
Napi::Value Begin(const Napi::CallbackInfo& info) {
  return Job::Start(info.Env(), new Kind(info));
}

}  // namespace

void Task(Napi::Env env, Napi::Object exports) {
  exports.Set("create", Napi::Function::New<Begin<Create>>(env, "create"));
  exports.Set("getaddrinfo", Napi::Function::New<Begin<Addresses>>(env, "getaddrinfo"));
  exports.Set("getnameinfo", Napi::Function::New<Begin<Service>>(env, "getnameinfo"));
}

}  // namespace js
