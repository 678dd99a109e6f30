// JavaScript to sys.h. Numbers in, a number out: >= 0, or -errno. Plain Node-API without the C++
// wrapper's objects, because a switch of namespaces may cost no more than the system call itself.
#include <uv.h>

#include <atomic>
#include <string>

#include "bind.h"
#include "env.h"
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

// As Unary and Binary, for calls that open an fd.
template <int (*call)(int)>
napi_value UnaryFd(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  return Number(env, PerEnv::Of(env)->Hold(call(Int(env, arguments[0]))));
}

template <int (*call)(int, int)>
napi_value BinaryFd(napi_env env, napi_callback_info info) {
  size_t count = 2;
  napi_value arguments[2];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  return Number(env, PerEnv::Of(env)->Hold(call(Int(env, arguments[0]), Int(env, arguments[1]))));
}

napi_value Close(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  const int fd = Int(env, arguments[0]);
  PerEnv::Of(env)->LetGo(fd);
  return Number(env, sys::close(fd));
}

int PidfdOpen(int pid, int flags) { return sys::pidfd_open(pid, static_cast<unsigned>(flags)); }

Napi::Value OpenDirectory(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  return Napi::Number::New(info.Env(),
                           PerEnv::Of(info.Env())->Hold(sys::open_directory(path.c_str())));
}

Napi::Value OpenNamespaceAt(const Napi::CallbackInfo& info) {
  const int directory = info[0].As<Napi::Number>().Int32Value();
  const std::string name = info[1].As<Napi::String>().Utf8Value();
  const int fd = sys::open_namespace_at(directory, name.c_str());
  return Napi::Number::New(info.Env(), PerEnv::Of(info.Env())->Hold(fd));
}

Napi::Value OpenNamespace(const Napi::CallbackInfo& info) {
  const std::string path = info[0].As<Napi::String>().Utf8Value();
  return Napi::Number::New(info.Env(),
                           PerEnv::Of(info.Env())->Hold(sys::open_namespace(path.c_str())));
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

// To whom the caller gave it, or who closes it in another way.
napi_value LetGo(napi_env env, napi_callback_info info) {
  size_t count = 1;
  napi_value arguments[1];
  napi_get_cb_info(env, info, &count, arguments, nullptr, nullptr);
  PerEnv::Of(env)->LetGo(Int(env, arguments[0]));
  return nullptr;
}

void Plain(Napi::Env env, Napi::Object exports, const char* name, napi_callback call) {
  napi_value function;
  if (napi_create_function(env, name, NAPI_AUTO_LENGTH, call, nullptr, &function) == napi_ok) {
    exports.Set(name, Napi::Value(env, function));
  }
}

void Wrapped(Napi::Env env, Napi::Object exports, const char* name,
             Napi::Value (*call)(const Napi::CallbackInfo&)) {
  exports.Set(name, Napi::Function::New(env, call, name));
}

}  // namespace

void Sys(Napi::Env env, Napi::Object exports) {
  Plain(env, exports, "pidfdOpen", BinaryFd<PidfdOpen>);
  Plain(env, exports, "pidfdNamespace", BinaryFd<sys::pidfd_namespace>);
  Plain(env, exports, "isKernelThread", Unary<sys::is_kernel_thread>);
  Plain(env, exports, "isOwnProc", Nullary<sys::is_own_proc>);
  Plain(env, exports, "close", Close);
  Plain(env, exports, "dup", UnaryFd<sys::dup>);
  Plain(env, exports, "gettid", Nullary<sys::gettid>);
  Plain(env, exports, "setns", Binary<sys::setns>);
  Plain(env, exports, "unshare", Unary<sys::unshare>);
  Plain(env, exports, "getType", Unary<sys::get_type>);
  Plain(env, exports, "getParent", UnaryFd<sys::get_parent>);
  Plain(env, exports, "getOwner", UnaryFd<sys::get_owner>);
  Wrapped(env, exports, "openDirectory", OpenDirectory);
  Wrapped(env, exports, "openNamespaceAt", OpenNamespaceAt);
  Wrapped(env, exports, "openNamespace", OpenNamespace);
  Wrapped(env, exports, "getInode", GetInode);
  Wrapped(env, exports, "getId", GetId);
  Wrapped(env, exports, "getOwnerUid", GetOwnerUid);
  Wrapped(env, exports, "warmThreadPool", WarmThreadPool);
  Wrapped(env, exports, "die", Die);
  Plain(env, exports, "letGo", LetGo);
}

}  // namespace js
