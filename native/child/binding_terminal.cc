// JavaScript to terminal.h: works with the terminal of a child, and for a moment with ours.
#include <cerrno>
#include <cstring>

#include "child/keep_modes.h"
#include "child/terminal.h"
#include "napi/environment.h"
#include "napi/exports.h"
#include "napi/values.h"
#include "napi/watched_child.h"
#include "napi/watched_file.h"

namespace js {
namespace {

// watchFile(fd, listener): takes the fd; -errno as a number.
Napi::Value WatchFile(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const int fd = info[0].As<Napi::Number>().Int32Value();
  auto* file = new WatchedFile(env, fd, info[1].As<Napi::Function>());
  PerEnv::Of(env)->LetGo(fd);
  const int failed = file->Open();
  if (failed == 0) {
    return Napi::External<WatchedFile>::New(
        env, file, [](Napi::Env, WatchedFile* dropped) { dropped->Drop(); });
  }
  file->Drop();
  return Napi::Number::New(env, failed);
}

WatchedFile* File(const Napi::CallbackInfo& info) {
  return info[0].As<Napi::External<WatchedFile>>().Data();
}

Napi::Value WatchFor(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(), File(info)->Want(info[1].As<Napi::Number>().Int32Value()));
}

Napi::Value WatchedClose(const Napi::CallbackInfo& info) {
  File(info)->Close();
  return info.Env().Undefined();
}

Napi::Value WatchedRead(const Napi::CallbackInfo& info) {
  auto bytes = info[1].As<Napi::Uint8Array>();
  const long done =
      terminal::read(File(info)->fd(), reinterpret_cast<char*>(bytes.Data()), bytes.ByteLength());
  return Napi::Number::New(info.Env(), static_cast<double>(done));
}

Napi::Value WatchedWrite(const Napi::CallbackInfo& info) {
  auto bytes = info[1].As<Napi::Uint8Array>();
  const long done =
      terminal::write(File(info)->fd(), reinterpret_cast<char*>(bytes.Data()), bytes.ByteLength());
  return Napi::Number::New(info.Env(), static_cast<double>(done));
}

Napi::Value WatchedSetSize(const Napi::CallbackInfo& info) {
  const int columns = info[1].As<Napi::Number>().Int32Value();
  const int rows = info[2].As<Napi::Number>().Int32Value();
  return Napi::Number::New(info.Env(), terminal::set_size(File(info)->fd(), columns, rows));
}

// For a moment of the operator's terminal: its modes as bytes, its size, or -errno as a number.
napi_value TerminalModes(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  struct termios modes;
  const int done = terminal::get_modes(js::Int(env, given[0]), &modes);
  if (done < 0) return FromInt(env, done);
  napi_value buffer = nullptr;
  napi_create_buffer_copy(env, sizeof modes, &modes, nullptr, &buffer);
  return buffer;
}

// With `set`, which takes the modes.
template <int (*set)(int, const struct termios*)>
napi_value TerminalSet(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  void* bytes = nullptr;
  size_t length = 0;
  struct termios modes;
  if (napi_get_buffer_info(env, given[1], &bytes, &length) != napi_ok || length != sizeof modes) {
    return FromInt(env, -EINVAL);
  }
  memcpy(&modes, bytes, sizeof modes);
  return FromInt(env, set(js::Int(env, given[0]), &modes));
}

// An fd of the pipe to who puts them back, or what failed.
Napi::Value TerminalKeepModes(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  spawn::Result result;
  const int done = terminal::keep_modes(info[0].As<Napi::Number>().Int32Value(), &result);
  if (done < 0) return Failure(env, done, result);
  return Napi::Number::New(env, PerEnv::Of(env)->Hold(done));
}

napi_value TerminalSize(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  int columns = 0;
  int rows = 0;
  const int done = terminal::get_size(js::Int(env, given[0]), &columns, &rows);
  if (done < 0) return FromInt(env, done);
  napi_value pair = NewArray(env);
  Set(env, pair, 0u, FromInt(env, columns));
  Set(env, pair, 1u, FromInt(env, rows));
  return pair;
}

napi_value TerminalOpenAgain(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  const int fd = terminal::open_again(js::Int(env, given[0]));
  return FromInt(env, PerEnv::Of(env)->Hold(fd));
}

}  // namespace

void ExportTerminals(napi_env given, napi_value object) {
  const Napi::Env env(given);
  Napi::Object exports(env, object);
  exports.Set("watchFile", Napi::Function::New<WatchFile>(env, "watchFile"));
  exports.Set("watchFor", Napi::Function::New<WatchFor>(env, "watchFor"));
  exports.Set("watchedClose", Napi::Function::New<WatchedClose>(env, "watchedClose"));
  exports.Set("watchedRead", Napi::Function::New<WatchedRead>(env, "watchedRead"));
  exports.Set("watchedWrite", Napi::Function::New<WatchedWrite>(env, "watchedWrite"));
  exports.Set("terminalKeepModes",
              Napi::Function::New<TerminalKeepModes>(env, "terminalKeepModes"));
  exports.Set("watchedSetSize", Napi::Function::New<WatchedSetSize>(env, "watchedSetSize"));
  Export(given, object, "terminalModes", TerminalModes);
  Export(given, object, "terminalSetModes", TerminalSet<terminal::set_modes>);
  Export(given, object, "terminalSetRaw", TerminalSet<terminal::set_raw>);
  Export(given, object, "terminalSize", TerminalSize);
  Export(given, object, "terminalOpenAgain", TerminalOpenAgain);
}

}  // namespace js
