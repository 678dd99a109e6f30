// JavaScript to namespaces.h: numbers in, a number out (>= 0, or -errno).

#include <string>

#include "base/namespaces.h"
#include "napi/environment.h"
#include "napi/exports.h"
#include "napi/values.h"

namespace js {
namespace {

template <int (*call)()>
napi_value Nullary(napi_env env, napi_callback_info) {
  return FromInt(env, call());
}

template <int (*call)(int)>
napi_value Unary(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  return FromInt(env, call(Int(env, given[0])));
}

template <int (*call)(int, int)>
napi_value Binary(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  return FromInt(env, call(Int(env, given[0]), Int(env, given[1])));
}

// Calls that open an fd: it is held for this environment.
napi_value Opened(napi_env env, int fd) { return FromInt(env, PerEnv::Of(env)->Hold(fd)); }

template <int (*call)(int)>
napi_value OpenUnary(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  return Opened(env, call(Int(env, given[0])));
}

template <int (*call)(int, int)>
napi_value OpenBinary(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  return Opened(env, call(Int(env, given[0]), Int(env, given[1])));
}

template <int (*call)(const char*)>
napi_value OpenPath(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  return Opened(env, call(Text(env, given[0]).c_str()));
}

napi_value OpenNamespaceAt(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  return Opened(env, sys::open_namespace_at(Int(env, given[0]), Text(env, given[1]).c_str()));
}

int PidfdOpen(int pid, int flags) { return sys::pidfd_open(pid, static_cast<unsigned>(flags)); }

// [for reading, for writing], or -errno.
napi_value Pipe(napi_env env, napi_callback_info) {
  int ends[2];
  const int done = sys::pipe(ends);
  if (done < 0) return FromInt(env, done);
  return FromOpened(env, ends, 2);
}

napi_value Close(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  const int fd = Int(env, given[0]);
  PerEnv::Of(env)->LetGo(fd);
  return FromInt(env, sys::close(fd));
}

// To whom the caller gave it, or who closes it in another way.
napi_value LetGo(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  PerEnv::Of(env)->LetGo(Int(env, given[0]));
  return nullptr;
}

// What V8 cannot see of that, which its objects keep: so many bytes more, or fewer.
napi_value Weigh(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  int64_t all = 0;
  napi_adjust_external_memory(env, Int(env, given[0]), &all);
  return nullptr;
}

// [inode, device], or -errno. Both fit a double: the kernel's inode numbers of namespaces are 32
// bits.
napi_value GetInode(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  uint64_t inode = 0;
  uint64_t device = 0;
  const int done = sys::get_inode(Int(env, given[0]), &inode, &device);
  if (done < 0) return FromInt(env, done);
  napi_value pair = NewArray(env);
  Set(env, pair, 0u, FromDouble(env, static_cast<double>(inode)));
  Set(env, pair, 1u, FromDouble(env, static_cast<double>(device)));
  return pair;
}

// A bigint, or -errno as a number.
napi_value GetId(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  uint64_t id = 0;
  const int done = sys::get_id(Int(env, given[0]), &id);
  if (done < 0) return FromInt(env, done);
  napi_value value = nullptr;
  napi_create_bigint_uint64(env, id, &value);
  return value;
}

napi_value GetOwnerUid(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  uint32_t uid = 0;
  const int done = sys::get_owner_uid(Int(env, given[0]), &uid);
  return done < 0 ? FromInt(env, done) : FromDouble(env, uid);
}

}  // namespace

void ExportBase(napi_env env, napi_value exports) {
  Export(env, exports, "pidfdOpen", OpenBinary<PidfdOpen>);
  Export(env, exports, "pidfdNamespace", OpenBinary<sys::pidfd_namespace>);
  Export(env, exports, "openDirectory", OpenPath<sys::open_directory>);
  Export(env, exports, "openNamespace", OpenPath<sys::open_namespace>);
  Export(env, exports, "openNamespaceAt", OpenNamespaceAt);
  Export(env, exports, "openForWriting", OpenPath<sys::open_for_writing>);
  Export(env, exports, "dup", OpenUnary<sys::dup>);
  Export(env, exports, "pipe", Pipe);
  Export(env, exports, "unread", Unary<sys::unread>);
  Export(env, exports, "close", Close);
  Export(env, exports, "letGo", LetGo);
  Export(env, exports, "weigh", Weigh);
  Export(env, exports, "isKernelThread", Unary<sys::is_kernel_thread>);
  Export(env, exports, "isOwnProc", Nullary<sys::is_own_proc>);
  Export(env, exports, "gettid", Nullary<sys::gettid>);
  Export(env, exports, "setns", Binary<sys::setns>);
  Export(env, exports, "unshare", Unary<sys::unshare>);
  Export(env, exports, "getType", Unary<sys::get_type>);
  Export(env, exports, "getParent", OpenUnary<sys::get_parent>);
  Export(env, exports, "getOwner", OpenUnary<sys::get_owner>);
  Export(env, exports, "getOwnerUid", GetOwnerUid);
  Export(env, exports, "getInode", GetInode);
  Export(env, exports, "getId", GetId);
}

}  // namespace js
