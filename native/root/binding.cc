// JavaScript to call.h: opens the root of a container, and makes calls on its files, each on a
// thread of its own. What a call needs belongs to it: the environment may end before it does.
#include <errno.h>

#include <string>

#include "napi/environment.h"
#include "napi/exports.h"
#include "napi/job.h"
#include "napi/question.h"
#include "napi/values.h"
#include "root/operation.h"

namespace js {
namespace {

using Held = Shared<root::Root>;

template <class T>
napi_value Wrap(napi_env env, T value) {
  napi_value external = nullptr;
  auto* kept = new T(std::move(value));
  const auto drop = [](napi_env, void* data, void*) { delete static_cast<T*>(data); };
  if (napi_create_external(env, kept, drop, nullptr, &external) != napi_ok) delete kept;
  return external;
}

template <class T>
T* Unwrap(napi_env env, napi_value external) {
  void* data = nullptr;
  napi_get_value_external(env, external, &data);
  return static_cast<T*>(data);
}

int64_t Long(napi_env env, napi_value value) {
  int64_t number = 0;
  napi_get_value_int64(env, value, &number);
  return number;
}

int64_t LongAt(napi_env env, napi_value array, uint32_t at) {
  napi_value number = nullptr;
  return napi_get_element(env, array, at, &number) == napi_ok ? Long(env, number) : 0;
}

// The bytes of a Buffer; none of what is no Buffer.
std::string Bytes(napi_env env, napi_value buffer) {
  bool is = false;
  void* data = nullptr;
  size_t length = 0;
  if (napi_is_buffer(env, buffer, &is) != napi_ok || !is) return {};
  napi_get_buffer_info(env, buffer, &data, &length);
  return length == 0 ? std::string() : std::string(static_cast<char*>(data), length);
}

napi_value FromBytes(napi_env env, const std::string& bytes) {
  napi_value buffer = nullptr;
  napi_create_buffer_copy(env, bytes.size(), bytes.data(), nullptr, &buffer);
  return buffer;
}

// [inside, outside, length, inside, ...]
std::vector<root::Range> Ranges(napi_env env, napi_value array) {
  std::vector<root::Range> ranges;
  uint32_t count = 0;
  napi_get_array_length(env, array, &count);
  for (uint32_t i = 0; i + 2 < count; i += 3) {
    uint32_t numbers[3] = {};
    for (uint32_t j = 0; j < 3; j++) {
      napi_value number = nullptr;
      napi_get_element(env, array, i + j, &number);
      napi_get_value_uint32(env, number, &numbers[j]);
    }
    ranges.push_back({numbers[0], numbers[1], numbers[2]});
  }
  return ranges;
}

// rootOpen(process | -1, root | -1, mounts, users, groups, [uid, gid]): the root, which takes the
// fds, or -errno.
napi_value Open(napi_env env, napi_callback_info info) {
  const Arguments<6> given(env, info);
  int fds[3];
  for (int i = 0; i < 3; i++) {
    fds[i] = Int(env, given[i]);
    PerEnv::Of(env)->LetGo(fds[i]);
  }
  auto opened = Held::Make();
  opened->users.ranges = Ranges(env, given[3]);
  opened->groups.ranges = Ranges(env, given[4]);
  opened->users.maker = LongAt(env, given[5], 0);
  opened->groups.maker = LongAt(env, given[5], 1);
  const int failed = opened->Open(fds[0], fds[1], fds[2]);
  return failed < 0 ? FromInt(env, failed) : Wrap(env, std::move(opened));
}

// rootWithin(root, directory): a root of its own, which takes the fd, or -errno.
napi_value Within(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  const int directory = Int(env, given[1]);
  PerEnv::Of(env)->LetGo(directory);
  auto opened = Held::Make();
  const int failed = opened->Within(**Unwrap<Held>(env, given[0]), directory);
  return failed < 0 ? FromInt(env, failed) : Wrap(env, std::move(opened));
}

// rootClose(root): at once, or after the last of the calls that run.
napi_value Close(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  *Unwrap<Held>(env, given[0]) = Held();
  return nullptr;
}

napi_value FromBool(napi_env env, bool truth) {
  napi_value value = nullptr;
  napi_get_boolean(env, truth, &value);
  return value;
}

class FileCall;

// What JavaScript holds of a call that runs.
struct Running {
  root::Call call;
  Question question;
  FileCall* job = nullptr;  // while its end has not been heard
};

class FileCall : public Job, public root::Filter {
 public:
  explicit FileCall(Shared<Running> running) : running_(std::move(running)) {
    running_->job = this;
  }
  ~FileCall() override { running_->job = nullptr; }

 protected:
  void Run() override { root::run(&running_->call); }

  int Ask(const std::string& question, std::string* answer) override {
    running_->question.Put(question);
    return Job::Ask() && running_->question.Wait(answer) ? 0 : -ECANCELED;
  }

  void Asked(napi_env env, napi_value function) override {
    napi_value nobody = nullptr;
    napi_value question = FromBytes(env, running_->question.Text());
    napi_get_undefined(env, &nobody);
    napi_call_function(env, nobody, function, 1, &question, nullptr);
  }

  void Abandoned() override { running_->question.End(); }

  napi_value Refused(napi_env env, int error) override {
    running_->call.value = error;
    refused_ = true;
    return Result(env);
  }

  napi_value Result(napi_env env) override {
    root::Call& call = running_->call;
    napi_value result = NewObject(env);
    Set(env, result, "value", FromDouble(env, static_cast<double>(call.value)));
    Set(env, result, "refused", FromBool(env, refused_));
    Set(env, result, "gone", FromBool(env, call.gone));
    Set(env, result, "fd", FromInt(env, PerEnv::Of(env)->Hold(call.opened.Take())));
    Set(env, result, "second", FromInt(env, PerEnv::Of(env)->Hold(call.opened_second.Take())));
    Set(env, result, "data", FromBytes(env, call.data));
    Set(env, result, "at", FromBytes(env, call.at));
    Set(env, result, "system", FromBytes(env, call.system));
    Set(env, result, "foreign", FromBool(env, call.foreign));
    std::string().swap(call.data);
    return result;
  }

 private:
  Shared<Running> running_;
  bool refused_ = false;
};

// rootCall(root, operation, path, other, numbers, fd, second, data, systems, ask):
// [running, promise]
napi_value Call(napi_env env, napi_callback_info info) {
  const Arguments<10> given(env, info);
  auto running = Shared<Running>::Make();
  root::Call& call = running->call;
  call.root = *Unwrap<Held>(env, given[0]);
  call.operation = static_cast<root::Operation>(Int(env, given[1]));
  call.path = Bytes(env, given[2]);
  call.other = Bytes(env, given[3]);
  for (uint32_t i = 0; i < root::kNumbers; i++) call.numbers[i] = LongAt(env, given[4], i);
  call.fd = Int(env, given[5]);
  call.second = Int(env, given[6]);
  call.data = Bytes(env, given[7]);
  call.systems = Bytes(env, given[8]);
  if (call.operation == root::Operation::kClose) PerEnv::Of(env)->LetGo(call.fd);
  napi_value pair = NewArray(env);
  Set(env, pair, 0u, Wrap(env, running));
  auto* job = new FileCall(running);
  napi_valuetype type = napi_undefined;
  napi_typeof(env, given[9], &type);
  if (type == napi_function) call.filter = job;
  Set(env, pair, 1u, Job::Start(env, job, type == napi_function ? given[9] : nullptr));
  return pair;
}

// rootStop(running, leave): it stops where it can. With `leave`, nobody waits for it any more.
napi_value Stop(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  const auto& running = *Unwrap<Shared<Running>>(env, given[0]);
  running->call.cancelled = true;
  running->question.End();
  if (Bool(env, given[1]) && running->job != nullptr) running->job->Unref(env);
  return nullptr;
}

// rootAnswer(running, bytes): of what `ask` was called with.
napi_value Answer(napi_env env, napi_callback_info info) {
  const Arguments<2> given(env, info);
  (*Unwrap<Shared<Running>>(env, given[0]))->question.Answer(Bytes(env, given[1]));
  return nullptr;
}

// rootProgress(running): [files, bytes]
napi_value Progress(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  const auto& running = *Unwrap<Shared<Running>>(env, given[0]);
  napi_value pair = NewArray(env);
  Set(env, pair, 0u, FromDouble(env, static_cast<double>(running->call.files)));
  Set(env, pair, 1u, FromDouble(env, static_cast<double>(running->call.bytes)));
  return pair;
}

}  // namespace

void ExportRoot(napi_env env, napi_value exports) {
  Export(env, exports, "rootOpen", Open);
  Export(env, exports, "rootWithin", Within);
  Export(env, exports, "rootClose", Close);
  Export(env, exports, "rootCall", Call);
  Export(env, exports, "rootStop", Stop);
  Export(env, exports, "rootAnswer", Answer);
  Export(env, exports, "rootProgress", Progress);
}

}  // namespace js
