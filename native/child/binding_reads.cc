// JavaScript to killable_read.h: what a process can make its reader wait for.
#include <vector>

#include "base/kernel.h"
#include "child/killable_read.h"
#include "napi/environment.h"
#include "napi/exports.h"
#include "napi/values.h"

namespace js {
namespace {

// readOfProcess(directory, name, most, wait): a Buffer, or -errno as a number.
napi_value ReadOfProcess(napi_env env, napi_callback_info info) {
  const Arguments<4> given(env, info);
  killable_read::Text text;
  const int done =
      killable_read::read(Int(env, given[0]), Text(env, given[1]).c_str(),
                          static_cast<size_t>(Int(env, given[2])), Int(env, given[3]), &text);
  if (done < 0) return FromInt(env, done);
  napi_value buffer = nullptr;
  napi_create_buffer_copy(env, text.length, text.bytes, nullptr, &buffer);
  return buffer;
}

napi_value Opened(napi_env env, int done, const std::vector<int>& files) {
  return done < 0 ? FromInt(env, done) : FromOpened(env, files.data(), files.size());
}

// openOfProcess(directory, names, flags, wait): fds, or -errno as a number.
napi_value OpenOfProcess(napi_env env, napi_callback_info info) {
  const Arguments<4> given(env, info);
  std::vector<int> files;
  const int done = killable_read::open(Int(env, given[0]), Texts(env, given[1]), Int(env, given[2]),
                                       Int(env, given[3]), &files);
  return Opened(env, done, files);
}

// namespacesOfPidfd(pidfd, types, wait), of CLONE_NEW* in an Int32Array: fds, or -errno as a
// number.
napi_value NamespacesOfPidfd(napi_env env, napi_callback_info info) {
  const Arguments<3> given(env, info);
  std::vector<unsigned long> requests;
  for (const int32_t type : ToVector<int32_t>(env, given[1])) {
    requests.push_back(kernel::pidfd_request(type));
  }
  std::vector<int> files;
  const int done = killable_read::ask(Int(env, given[0]), requests, Int(env, given[2]), &files);
  return Opened(env, done, files);
}

}  // namespace

void ExportReads(napi_env env, napi_value exports) {
  Export(env, exports, "readOfProcess", ReadOfProcess);
  Export(env, exports, "openOfProcess", OpenOfProcess);
  Export(env, exports, "namespacesOfPidfd", NamespacesOfPidfd);
}

}  // namespace js
