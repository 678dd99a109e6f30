// JavaScript to spawn.h and sealed_program.h: starts a child, sends it signals,
// and gives what it is started from.
#include <string>
#include <vector>

#include "child/blocking.h"
#include "child/failed_process.h"
#include "child/sealed_program.h"
#include "child/spawn.h"
#include "napi/environment.h"
#include "napi/exports.h"
#include "napi/values.h"
#include "napi/watched_child.h"

namespace js {
namespace {

// The parts of a text that were joined by zero bytes, as execve(2) wants them. They stay in `text`.
std::vector<char*> Split(std::string* text, bool leave_first) {
  std::vector<char*> parts;
  if (leave_first) parts.push_back(nullptr);
  if (!text->empty() || leave_first) {
    parts.push_back(text->data());
    for (size_t i = 0; i < text->size(); i++) {
      if ((*text)[i] == '\0') parts.push_back(text->data() + i + 1);
    }
  }
  parts.push_back(nullptr);
  return parts;
}

// A string, or bytes that need be no UTF-8.
std::string Text(const Napi::Object& from, const char* name) {
  const Napi::Value value = from.Get(name);
  if (value.IsTypedArray()) {
    const auto bytes = value.As<Napi::Uint8Array>();
    return std::string(reinterpret_cast<const char*>(bytes.Data()), bytes.ElementLength());
  }
  return value.IsString() ? value.As<Napi::String>().Utf8Value() : std::string();
}

int Int(const Napi::Object& from, const char* name) {
  return from.Get(name).As<Napi::Number>().Int32Value();
}

template <class Array, class T>
void Copy(const Napi::Object& from, const char* name, std::vector<T>* to) {
  const auto array = from.Get(name).As<Array>();
  to->assign(array.Data(), array.Data() + array.ElementLength());
}

void ReadFixed(const Napi::Object& from, launch* fixed) {
  const auto joins = from.Get("joins").As<Napi::Int32Array>();
  const auto types = from.Get("types").As<Napi::Int32Array>();
  for (size_t i = 0; i < LAUNCH_JOINS; i++) {
    const bool given = i < joins.ElementLength();
    fixed->joins[i] = given ? joins[i] : -1;
    fixed->types[i] = given ? static_cast<uint32_t>(types[i]) : 0;
  }
  const auto cgroups = from.Get("cgroups").As<Napi::Int32Array>();
  for (size_t i = 0; i < LAUNCH_CGROUPS; i++) {
    fixed->cgroups[i] = i < cgroups.ElementLength() ? cgroups[i] : -1;
  }
  fixed->flags = static_cast<uint32_t>(Int(from, "flags"));
  fixed->unshare = static_cast<uint32_t>(Int(from, "unshare"));
  fixed->root = Int(from, "rootFd");
  fixed->directory = Int(from, "cwdFd");
  fixed->umask = static_cast<uint32_t>(Int(from, "umask"));
  fixed->parent_signal = Int(from, "parentSignal");
  const auto ids = from.Get("ids").As<Napi::Uint32Array>();
  for (size_t i = 0; i < 3; i++) fixed->uid[i] = ids[i];
  for (size_t i = 0; i < 3; i++) fixed->gid[i] = ids[i + 3];
  const auto sets = from.Get("capabilities").As<Napi::BigUint64Array>();
  fixed->inheritable = sets[0];
  fixed->permitted = sets[1];
  fixed->effective = sets[2];
  fixed->bounding = sets[3];
  fixed->ambient = sets[4];
}

void ReadRequest(const Napi::Object& from, spawn::Request* request) {
  ReadFixed(from, &request->fixed);
  Copy<Napi::Int32Array>(from, "stdio", &request->stdio);
  Copy<Napi::Uint32Array>(from, "groups", &request->groups);
  request->file = Text(from, "file");
  request->root = Text(from, "rootPath");
  request->cwd = Text(from, "cwd");
  request->create = Text(from, "create");
  Copy<Napi::BigUint64Array>(from, "limits", &request->limits);
  request->oom_score = Text(from, "oomScore");
  request->label = Text(from, "label");
  request->label_file = Text(from, "labelFile");
}

Napi::FunctionReference Function(const Napi::Value& value) {
  return value.IsFunction() ? Napi::Persistent(value.As<Napi::Function>())
                            : Napi::FunctionReference();
}

// With the texts that it points to, which have to outlive it.
struct Given {
  spawn::Request request = {};
  std::string arguments;
  std::string environment;

  explicit Given(const Napi::Object& from)
      : arguments(Text(from, "args")), environment(Text(from, "env")) {
    ReadRequest(from, &request);
    request.argv = Split(&arguments, true);
    request.envp = Split(&environment, false);
  }
};

// spawn(request, ended, failed, moved, entered, terminal): { pid, ends, child, terminal }, or what
// failed, with `ends`.
Napi::Value Spawn(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto from = info[0].As<Napi::Object>();
  Given given(from);
  spawn::Request& request = given.request;
  request.fixed.columns = static_cast<uint16_t>(Int(from, "columns"));
  request.fixed.rows = static_cast<uint16_t>(Int(from, "rows"));
  request.wait = Int(from, "wait");
  request.program = Int(from, "program");
  request.preload = Int(from, "preload");

  spawn::Result result;
  int error = spawn::start(&request, &result);
  Child* child = nullptr;
  if (error == 0) {
    Listeners listeners;
    listeners.ended = Function(info[1]);
    listeners.failed = Function(info[2]);
    listeners.moved = Function(info[3]);
    listeners.entered = Function(info[4]);
    listeners.terminal = Function(info[5]);
    child = new Child(env, result, std::move(listeners));
    error = child->Watch();
    if (error != 0) {
      result.step = "epoll_ctl";
      child->Drop();
    }
  }
  Napi::Object answer = error != 0 ? Failure(env, error, result) : Napi::Object::New(env);
  if (error == 0) {
    const spawn::Launch& launch = result.launch;
    answer.Set("pid", Napi::Number::New(env, launch.processes[launch.current].pid));
    const int terminal = PerEnv::Of(env)->Hold(child->TakeTerminal());
    answer.Set("terminal", Napi::Number::New(env, terminal));
    answer.Set("isStarting", Napi::Boolean::New(env, !result.over));
    answer.Set("child", Napi::External<Child>::New(
                            env, child, [](Napi::Env, Child* dropped) { dropped->Drop(); }));
  }
  Napi::Array ends = Napi::Array::New(env, result.ends.size());
  for (size_t i = 0; i < result.ends.size(); i++) {
    ends.Set(static_cast<uint32_t>(i), Napi::Number::New(env, result.ends[i]));
  }
  answer.Set("ends", ends);
  return answer;
}

// spawnSync(request, { input, timeout, maxBuffer, killSignal }): what failed, or how it has ended.
Napi::Value SpawnSync(const Napi::CallbackInfo& info) {
  const Napi::Env env = info.Env();
  const auto from = info[0].As<Napi::Object>();
  const auto how = info[1].As<Napi::Object>();
  Given given(from);
  spawn::Blocking options;
  const Napi::Value input = how.Get("input");
  if (input.IsTypedArray()) {
    const auto bytes = input.As<Napi::Uint8Array>();
    options.input = reinterpret_cast<const char*>(bytes.Data());
    options.input_length = bytes.ByteLength();
  }
  options.timeout = how.Get("timeout").As<Napi::Number>().DoubleValue();
  options.max_buffer = how.Get("maxBuffer").As<Napi::Number>().DoubleValue();
  options.kill_signal = Int(how, "killSignal");
  const std::vector<int> stdio = given.request.stdio;  // with what was asked for

  spawn::Result result;
  spawn::Outcome outcome;
  const int error = spawn::run_blocking(&given.request, options, &result, &outcome);
  if (error != 0) return Failure(env, error, result);
  Napi::Object answer = Napi::Object::New(env);
  answer.Set("pid", Napi::Number::New(env, outcome.pid));
  answer.Set("failed", Napi::Number::New(env, outcome.error));
  answer.Set("ended", Napi::Boolean::New(env, outcome.ended));
  answer.Set("code", Napi::Number::New(env, outcome.code));
  answer.Set("signal", Napi::Number::New(env, outcome.signal));
  Napi::Array output = Napi::Array::New(env, stdio.size());
  for (size_t i = 0; i < stdio.size(); i++) {
    const bool written = i > 0 && stdio[i] == spawn::kPipe && i < outcome.outputs.size();
    Napi::Value bytes = env.Null();
    if (written) {
      bytes = Napi::Buffer<char>::Copy(env, outcome.outputs[i].data(), outcome.outputs[i].size());
    }
    output.Set(static_cast<uint32_t>(i), bytes);
  }
  answer.Set("output", output);
  return answer;
}

// execute(request): returns only what failed.
Napi::Value Execute(const Napi::CallbackInfo& info) {
  const auto from = info[0].As<Napi::Object>();
  Given given(from);
  spawn::Request& request = given.request;
  Copy<Napi::Int32Array>(from, "kept", &request.kept);
  request.words = Text(from, "words");
  const auto numbers = from.Get("inherited").As<Napi::BigUint64Array>();
  request.fixed.ignored = numbers[0];
  request.fixed.blocked = numbers[1];
  request.fixed.open_files = numbers[2];
  request.fixed.nonblocking = static_cast<uint32_t>(numbers[3]);
  request.fixed.failed = from.Get("failed").As<Napi::Number>().Uint32Value();
  spawn::Result result;
  return Failure(info.Env(), spawn::execute(&request, &result), result);
}

Child* ChildOf(const Napi::CallbackInfo& info) {
  return info[0].As<Napi::External<Child>>().Data();
}

Napi::Value Settle(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(),
                            ChildOf(info)->Settle(info[1].As<Napi::Number>().Int32Value()));
}

Napi::Value Kill(const Napi::CallbackInfo& info) {
  return Napi::Number::New(info.Env(),
                           ChildOf(info)->Kill(info[1].As<Napi::Number>().Int32Value()));
}

Napi::Value Insist(const Napi::CallbackInfo& info) {
  return Napi::Boolean::New(info.Env(), ChildOf(info)->Insist(info[1].As<Napi::Boolean>()));
}

Napi::Value Ref(const Napi::CallbackInfo& info) {
  ChildOf(info)->SetRef(true);
  return info.Env().Undefined();
}

Napi::Value Unref(const Napi::CallbackInfo& info) {
  ChildOf(info)->SetRef(false);
  return info.Env().Undefined();
}

napi_value FailedProcess(napi_env env, napi_callback_info) {
  return FromInt(env, failed_process::fate());
}

napi_value RestoreFailed(napi_env env, napi_callback_info) {
  uv_loop_t* loop = nullptr;
  if (napi_get_uv_event_loop(env, &loop) == napi_ok) failed_process::restore(loop);
  return nullptr;
}

// fds that stay open, of what a worker is made of.
template <int (*open)()>
napi_value Program(napi_env env, napi_callback_info) {
  return FromInt(env, open());
}

}  // namespace

void ExportChild(napi_env given, napi_value object) {
  const Napi::Env env(given);
  Napi::Object exports(env, object);
  exports.Set("spawn", Napi::Function::New<Spawn>(env, "spawn"));
  exports.Set("spawnSync", Napi::Function::New<SpawnSync>(env, "spawnSync"));
  exports.Set("execute", Napi::Function::New<Execute>(env, "execute"));
  exports.Set("childSettle", Napi::Function::New<Settle>(env, "childSettle"));
  exports.Set("childKill", Napi::Function::New<Kill>(env, "childKill"));
  exports.Set("childInsist", Napi::Function::New<Insist>(env, "childInsist"));
  exports.Set("childRef", Napi::Function::New<Ref>(env, "childRef"));
  exports.Set("childUnref", Napi::Function::New<Unref>(env, "childUnref"));
  Export(given, object, "failedProcess", FailedProcess);
  Export(given, object, "restoreFailed", RestoreFailed);
  Export(given, object, "nodeProgram", Program<program::node>);
  Export(given, object, "preloadedObject", Program<program::preload>);
}

}  // namespace js
