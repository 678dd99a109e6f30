// JavaScript to sys.h. Numbers in, a number out: >= 0, or -errno. Plain Node-API without the C++
// wrapper's objects, because a switch of namespaces may cost no more than the system call itself.
#include <uv.h>

#include <atomic>
#include <string>
#include <vector>

#include "bind.h"
#include "sys.h"

namespace js {
namespace {

int Int(napi_env env, napi_value value) {
  int32_t number = -1;
  napi_get_value_int32(env, value, &number);
  return number;
}

napi_value Number(napi_env env, int number) {
  napi_value value;
  napi_create_int32(env, number, &value);
  return value;
}

template <int (*call)()>
napi_value Nullary(napi_env env, napi_callback_info) {
  return Number(env, call());
}

template <int (*call)(int)>
napi_value Unary(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  return Number(env, call(Int(env, arguments[0])));
}

template <int (*call)(int, int)>
napi_value Binary(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  return Number(env, call(Int(env, arguments[0]), Int(env, arguments[1])));
}

int PidfdOpen(int pid, int flags) { return sys::pidfd_open(pid, static_cast<unsigned>(flags)); }

Napi::Value OpenDirectory(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           sys::open_directory(info[0].As<Napi::String>().Utf8Value().c_str()));
}

Napi::Value OpenNamespaceAt(const Napi::CallbackInfo& info) {
  const std::string name = info[1].As<Napi::String>().Utf8Value();
  return Napi::Number::New(
      info.Env(), sys::open_namespace_at(info[0].As<Napi::Number>().Int32Value(), name.c_str()));
}

Napi::Value OpenNamespace(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           sys::open_namespace(info[0].As<Napi::String>().Utf8Value().c_str()));
}

Napi::Value OpenForWriting(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           sys::open_for_writing(info[0].As<Napi::String>().Utf8Value().c_str()));
}

// [inode, device], or -errno. Both fit a double: the kernel's inode numbers of namespaces are 32
// bits.
Napi::Value GetInode(const Napi::CallbackInfo& info) {
  uint64_t inode = 0;
  uint64_t device = 0;
  const int done = sys::get_inode(info[0].As<Napi::Number>().Int32Value(), &inode, &device);
  if (done < 0) return Napi::Number::New(info.Env(), done);
  Napi::Array pair = Napi::Array::New(info.Env(), 2);
  pair.Set(0u, Napi::Number::New(info.Env(), static_cast<double>(inode)));
  pair.Set(1u, Napi::Number::New(info.Env(), static_cast<double>(device)));
  return pair;
}

Napi::Value GetId(const Napi::CallbackInfo& info) {
  uint64_t id = 0;
  const int done = sys::get_id(info[0].As<Napi::Number>().Int32Value(), &id);
  if (done < 0) return Napi::Number::New(info.Env(), done);
  return Napi::BigInt::New(info.Env(), id);
}

Napi::Value GetOwnerUid(const Napi::CallbackInfo& info) {
  uint32_t uid = 0;
  const int done = sys::get_owner_uid(info[0].As<Napi::Number>().Int32Value(), &uid);
  if (done < 0) return Napi::Number::New(info.Env(), done);
  return Napi::Number::New(info.Env(), uid);
}

// libuv makes all threads of its pool when it is first given work, and waits until each has
// started. A thread inherits the namespaces of its maker for good, so this has to happen at home,
// before the first switch of any thread of the process.
Napi::Value WarmThreadPool(const Napi::CallbackInfo& info) {
  static std::atomic<bool> warm{false};
  if (warm.exchange(true)) return Napi::Number::New(info.Env(), 0);
  uv_loop_t* loop = nullptr;
  napi_get_uv_event_loop(info.Env(), &loop);
  auto* request = new uv_work_t;
  const int done = uv_queue_work(
      loop, request, [](uv_work_t*) {}, [](uv_work_t* work, int) { delete work; });
  if (done != 0) {
    delete request;
    warm = false;
  }
  return Napi::Number::New(info.Env(), done);
}

// The end of the process, where going on would mean to run in the wrong namespace. Written straight
// to stderr: nothing of Node's may run any more.
Napi::Value Die(const Napi::CallbackInfo& info) {
  const std::string words = info[0].As<Napi::String>().Utf8Value() + "\n";
  sys::write_all(2, words.c_str(), static_cast<int>(words.size()));
  abort();
}

// A Worker that is terminated runs no more JavaScript: what it holds open is closed here.
class Held {
 public:
  static void Cleanup(void* data) {
    auto* held = static_cast<Held*>(data);
    for (size_t fd = 0; fd < held->fds_.size(); fd++) {
      if (held->fds_[fd] != 0) sys::close(static_cast<int>(fd));
    }
    delete held;
  }
  void Mark(int fd, bool owned) {
    if (fd < 0) return;
    if (static_cast<size_t>(fd) >= fds_.size()) fds_.resize(fd + 64);
    fds_[fd] = owned;
  }

 private:
  std::vector<char> fds_;
};

Napi::Value Hold(const Napi::CallbackInfo& info) {
  static_cast<Held*>(info.Data())->Mark(info[0].As<Napi::Number>().Int32Value(), true);
  return info.Env().Undefined();
}

Napi::Value LetGo(const Napi::CallbackInfo& info) {
  static_cast<Held*>(info.Data())->Mark(info[0].As<Napi::Number>().Int32Value(), false);
  return info.Env().Undefined();
}

void Plain(Napi::Env env, Napi::Object exports, const char* name, napi_callback call) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function) == napi_ok) {
    exports.Set(name, Napi::Value(env, function));
  }
}

void Wrapped(Napi::Env env, Napi::Object exports, const char* name,
             Napi::Value (*call)(const Napi::CallbackInfo&), void* data = nullptr) {
  exports.Set(name, Napi::Function::New(env, call, name, data));
}

}  // namespace

void Sys(Napi::Env env, Napi::Object exports) {
  Plain(env, exports, "pidfdOpen", Binary<PidfdOpen>);
  Plain(env, exports, "pidfdNamespace", Binary<sys::pidfd_namespace>);
  Plain(env, exports, "isKernelThread", Unary<sys::is_kernel_thread>);
  Plain(env, exports, "isOwnProc", Nullary<sys::is_own_proc>);
  Plain(env, exports, "close", Unary<sys::close>);
  Plain(env, exports, "dup", Unary<sys::dup>);
  Plain(env, exports, "gettid", Nullary<sys::gettid>);
  Plain(env, exports, "setns", Binary<sys::setns>);
  Plain(env, exports, "unshare", Unary<sys::unshare>);
  Plain(env, exports, "getType", Unary<sys::get_type>);
  Plain(env, exports, "getParent", Unary<sys::get_parent>);
  Plain(env, exports, "getOwner", Unary<sys::get_owner>);
  Wrapped(env, exports, "openDirectory", OpenDirectory);
  Wrapped(env, exports, "openNamespaceAt", OpenNamespaceAt);
  Wrapped(env, exports, "openNamespace", OpenNamespace);
  Wrapped(env, exports, "openForWriting", OpenForWriting);
  Wrapped(env, exports, "getInode", GetInode);
  Wrapped(env, exports, "getId", GetId);
  Wrapped(env, exports, "getOwnerUid", GetOwnerUid);
  Wrapped(env, exports, "warmThreadPool", WarmThreadPool);
  Wrapped(env, exports, "die", Die);
  auto* held = new Held;
  napi_add_env_cleanup_hook(env, Held::Cleanup, held);
  Wrapped(env, exports, "hold", Hold, held);
  Wrapped(env, exports, "letGo", LetGo, held);
}

}  // namespace js
