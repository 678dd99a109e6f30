// JavaScript to state_files.h: what an engine keeps on disk, and its socket.
#include <errno.h>

#include <string>
#include <utility>
#include <vector>

#include "base/left_behind.h"
#include "base/namespaces.h"
#include "containers/state_files.h"
#include "napi/exports.h"
#include "napi/look.h"
#include "napi/values.h"

namespace js {
namespace {

// Files of an engine's state, on threads that are left behind where a file system does not answer.
state::Location ToLocation(napi_env env, const napi_value* given) {
  return {Text(env, given[0]), Text(env, given[1]), Int(env, given[2])};
}

struct File {
  File(state::Location where, int bytes, std::string wanted)
      : location(std::move(where)), most(bytes), part(std::move(wanted)) {}

  state::Location location;
  int most;  // negative: so many names of a directory
  std::string
      part;  // of JSON: only a text that may have it is wanted, or any; of a directory: levels
  int error = 0;
  const char* step = "open";
  std::string text;
  std::vector<state::Failure> failures;  // of a directory: below it
};

void read(File* file) {
  const size_t most = static_cast<size_t>(file->most < 0 ? -file->most : file->most);
  if (file->most >= 0) {
    std::string* const text = &file->text;
    file->error = state::read(file->location, most, text, &file->step);
    const auto has = [&](const char* part) { return text->find(part) != std::string::npos; };
    if (!file->part.empty() && !has(file->part.c_str()) && !has("\\u")) text->clear();
    return;
  }
  std::vector<state::Directory> found;
  file->error =
      state::names(file->location, file->part, most, &found, &file->step, &file->failures);
  for (const state::Directory& directory : found) {
    Add(&file->text, directory.path);
    for (const std::string& name : directory.names) Add(&file->text, name);
    Add(&file->text, "");  // no name: the end of this directory
  }
}

struct Reading : public behind::Work {
  explicit Reading(std::vector<File> all) : Work(true), files(std::move(all)) {}
  void run() override {
    for (File& file : files) read(&file);
  }

  std::vector<File> files;
};

// readStates(base, paths, owner, most, parts, timeout): one after the other, each with its own
// error.
class ReadStates : public Look {
 public:
  ReadStates(napi_env env, napi_callback_info info) {
    const Arguments<6> given(env, info);
    const std::string base = Text(env, given[0]);
    const int owner = Int(env, given[2]);
    const std::vector<int> most = ToVector<int>(env, given[3]);
    std::vector<File> files;
    for (uint32_t i = 0; i < most.size(); i++) {
      napi_value path = nullptr, part = nullptr;
      napi_get_element(env, given[1], i, &path);
      napi_get_element(env, given[4], i, &part);
      const std::string text = Text(env, path);
      files.push_back(
          {owner < 0 ? state::Location{text, "", owner} : state::Location{base, text, owner},
           most[i], Text(env, part)});
    }
    is_host_ = owner < 0;
    reading_ = new Reading(std::move(files));
    timeout_ = Int(env, given[5]);
  }
  ~ReadStates() override { delete reading_; }

 protected:
  // What is nobody's in particular is the host's, and read on the thread that we are on.
  int Find() override {
    step_ = "open";
    const int failed = is_host_ ? 0 : behind::run(reading_, timeout_);
    if (failed < 0) {
      reading_ = nullptr;
      return failed;
    }
    if (is_host_) reading_->run();
    return 0;
  }

  void Fill(napi_env env, napi_value answer) override {
    texts_ = NewArray(env);
    failed_ = NewArray(env);
    if (reading_ != nullptr) {
      for (uint32_t i = 0; i < reading_->files.size(); i++) FillOne(env, i, reading_->files[i]);
    }
    Set(env, answer, "texts", texts_);
    Set(env, answer, "failed", failed_);
  }

 private:
  void FillOne(napi_env env, uint32_t i, const File& file) {
    const bool is_cut = file.most < 0 && file.error == -EFBIG;
    if (file.error == 0 || is_cut) Set(env, texts_, i, FromText(env, file.text));
    if (file.error < 0) Fail(env, i, {"", file.error, file.step});
    for (const state::Failure& failure : file.failures) Fail(env, i, failure);
  }

  void Fail(napi_env env, uint32_t i, const state::Failure& failure) {
    // Nothing is said about what is not there.
    if (failure.error == -ENOENT || failure.error == -ENOTDIR) return;
    const napi_value row = NewArray(env);
    Set(env, row, 0u, FromInt(env, static_cast<int>(i)));
    Set(env, row, 1u, FromInt(env, failure.error));
    Set(env, row, 2u, FromText(env, failure.step));
    Set(env, row, 3u, FromText(env, failure.path));
    Set(env, failed_, failed_count_++, row);
  }

  Reading* reading_;
  bool is_host_;
  int timeout_;
  napi_value texts_ = nullptr;
  napi_value failed_ = nullptr;
  uint32_t failed_count_ = 0;
};

struct Connecting : public behind::Work {
  Connecting(state::Location where, bool trust)
      : Work(false), location(std::move(where)), trusted(trust) {}
  void run() override { fd = state::connect(location, trusted, &step); }
  void discard() override {
    if (fd >= 0) sys::close(fd);
  }

  const state::Location location;
  const bool trusted;
  int fd = -1;
  const char* step = "connect";
};

// connectSocket(base, path, owner, trusted, timeout): the fd is in `fd`.
class Connect : public Look {
 public:
  Connect(napi_env env, napi_callback_info info) {
    const Arguments<5> given(env, info);
    connecting_ = new Connecting(ToLocation(env, given.values), Bool(env, given[3]));
    timeout_ = Int(env, given[4]);
  }
  ~Connect() override { delete connecting_; }

 protected:
  int Find() override {
    step_ = "connect";
    const int failed = behind::run(connecting_, timeout_);
    if (failed < 0) {
      connecting_ = nullptr;
      return failed;
    }
    step_ = connecting_->step;
    return connecting_->fd < 0 ? connecting_->fd : 0;
  }

  void Fill(napi_env env, napi_value answer) override {
    Set(env, answer, "fd", FromInt(env, connecting_ == nullptr ? -1 : connecting_->fd));
  }

  void Discard() override {
    if (connecting_ != nullptr) connecting_->discard();
  }

 private:
  Connecting* connecting_;
  int timeout_;
};

napi_value JsonDepth(napi_env env, napi_callback_info info) {
  const Arguments<1> given(env, info);
  return FromInt(env, state::depth(Text(env, given[0])));
}

}  // namespace

void ExportContainers(napi_env env, napi_value exports) {
  Export(env, exports, "readStates", Begin<ReadStates>);
  Export(env, exports, "connectSocket", Begin<Connect>);
  Export(env, exports, "jsonDepth", JsonDepth);
}

}  // namespace js
