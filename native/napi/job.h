// Work that has to be done on a thread of its own. The thread is started by the calling thread, and
// so begins in the namespaces that this one is in. It is answered by a promise, which is never
// rejected: the result says it.
#pragma once
#include <uv.h>

#include "napi/values.h"

namespace js {

class Job {
 public:
  Job() { uv_mutex_init(&mutex_); }
  virtual ~Job() { uv_mutex_destroy(&mutex_); }

  // Takes ownership of the job. In an environment that is being ended nothing can be made any more,
  // and nobody waits. `function` is for Asked().
  static napi_value Start(napi_env env, Job* job, napi_value function = nullptr) {
    napi_value promise = nullptr;
    if (napi_create_promise(env, &job->deferred_, &promise) != napi_ok ||
        napi_create_threadsafe_function(env, function, nullptr, FromText(env, "linux-namespaces"),
                                        0, 1, job, Finished, job, Settle,
                                        &job->function_) != napi_ok) {
      delete job;
      return nullptr;
    }
    uv_thread_options_t options = {UV_THREAD_HAS_STACK_SIZE, 1 << 20};
    const int failed = uv_thread_create_ex(&job->thread_, &options, Main, job);
    if (failed != 0) {
      napi_resolve_deferred(env, job->deferred_, job->Refused(env, failed));
      job->unstarted_ = true;
      napi_release_threadsafe_function(job->function_, napi_tsfn_abort);
    }
    return promise;
  }

  // From now on the event loop does not stay alive for it.
  void Unref(napi_env env) { napi_unref_threadsafe_function(env, function_); }

 protected:
  virtual void Run() = 0;                                   // on the thread
  virtual napi_value Result(napi_env env) = 0;              // on the JavaScript thread
  virtual napi_value Refused(napi_env env, int error) = 0;  // there is no thread to be had
  virtual void Discard() {}                                 // nobody is left to take the result
  // On the JavaScript thread, after Ask(): with the function that Start() was given.
  virtual void Asked(napi_env, napi_value) {}
  virtual void Abandoned() {}  // the environment ends while the thread runs: nobody will answer it

  // On the thread: has Asked() called. False where the environment is ending.
  bool Ask() {
    uv_mutex_lock(&mutex_);
    const bool asked =
        !orphan_ && !closing_ &&
        napi_call_threadsafe_function(function_, this, napi_tsfn_nonblocking) == napi_ok;
    closing_ = !asked;
    uv_mutex_unlock(&mutex_);
    return asked;
  }

 private:
  // The environment may end (a Worker terminated) while the thread still waits for an answer.
  // The one that comes second, the thread or the environment, deletes the job; the function dies
  // with the latter.
  static void Main(void* data) {
    auto* job = static_cast<Job*>(data);
    job->Run();
    uv_mutex_lock(&job->mutex_);
    const bool orphan = job->orphan_;
    if (!orphan) {
      job->finished_ = true;
      // Refused by an environment that is closing: then the function may not be used once more.
      if (napi_call_threadsafe_function(job->function_, nullptr, napi_tsfn_nonblocking) ==
          napi_ok) {
        napi_release_threadsafe_function(job->function_, napi_tsfn_release);
      }
    }
    uv_mutex_unlock(&job->mutex_);
    if (orphan) {
      job->Discard();
      delete job;  // the thread stays unjoined: its stack is kept until the process ends
    }
  }

  static void Settle(napi_env env, napi_value function, void* context, void* asks) {
    if (env == nullptr) return;
    auto* job = static_cast<Job*>(context);
    if (asks != nullptr) return job->Asked(env, function);
    napi_value result = job->Result(env);
    job->settled_ =
        result != nullptr && napi_resolve_deferred(env, job->deferred_, result) == napi_ok;
  }

  static void Finished(napi_env, void* data, void*) {
    auto* job = static_cast<Job*>(data);
    uv_mutex_lock(&job->mutex_);
    const bool done = job->finished_ || job->unstarted_;
    job->orphan_ = !done;
    if (!done) job->Abandoned();
    uv_mutex_unlock(&job->mutex_);
    if (!done) return;
    if (!job->unstarted_) uv_thread_join(&job->thread_);
    if (!job->settled_) job->Discard();
    delete job;
  }

  napi_deferred deferred_ = nullptr;
  napi_threadsafe_function function_ = nullptr;
  uv_thread_t thread_;
  uv_mutex_t mutex_;
  bool finished_ = false;
  bool orphan_ = false;
  bool closing_ = false;
  bool settled_ = false;
  bool unstarted_ = false;
};

template <class Kind>
napi_value Begin(napi_env env, napi_callback_info info) {
  return Job::Start(env, new Kind(env, info));
}

}  // namespace js
