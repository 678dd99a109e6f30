// JavaScript to state.h, on threads that are left behind where a user's file system does not
// answer.
#include <errno.h>

#include <string>
#include <utility>
#include <vector>

#include "base/left_behind.h"
#include "napi/exports.h"
#include "napi/look.h"
#include "base/state_files.h"
#include "base/namespaces.h"
#include "napi/values.h"

namespace js {
namespace {

state::Place ToPlace(napi_env env, const napi_value* given) {
  return {Text(env, given[0]), Text(env, given[1]), Int(env, given[2])};
}

struct Reading : public behind::Work {
  Reading(state::Place where, bool directory, size_t bytes)
      : Work(true), place(std::move(where)), is_directory(directory), most(bytes) {}

  void run() override {
    if (!is_directory) {
      error = state::read(place, most, &text, &step);
      return;
    }
    std::vector<std::string> names;
    error = state::names(place, most, &names, &step);
    for (const std::string& name : names) Add(&text, name);
  }

  const state::Place place;
  const bool is_directory;
  const size_t most;
  int error = 0;
  const char* step = "open";
  std::string text;
};

// readState(base, path, owner, directory, most, patience)
class ReadState : public Look {
 public:
  ReadState(napi_env env, napi_callback_info info) {
    const Arguments<6> given(env, info);
    reading_ = new Reading(ToPlace(env, given.values), Bool(env, given[3]),
                           static_cast<size_t>(Int(env, given[4])));
    patience_ = Int(env, given[5]);
  }
  ~ReadState() override { delete reading_; }

 protected:
  // What is nobody's in particular is the host's, and read on the thread that we are on.
  int Find() override {
    step_ = "open";
    const int failed = reading_->place.owner < 0 ? 0 : behind::run(reading_, patience_);
    if (failed < 0) {
      reading_ = nullptr;
      return failed;
    }
    if (reading_->place.owner < 0) reading_->run();
    step_ = reading_->step;
    return reading_->error;
  }

  void Fill(napi_env env, napi_value answer) override {
    Put(env, answer, "texts", FromText(env, reading_ ? reading_->text : std::string()));
  }

 private:
  Reading* reading_;
  int patience_;
};

struct Connecting : public behind::Work {
  Connecting(state::Place where, bool trust)
      : Work(false), place(std::move(where)), trusted(trust) {}
  void run() override { fd = state::connect(place, trusted, &step); }
  void discard() override {
    if (fd >= 0) sys::close(fd);
  }

  const state::Place place;
  const bool trusted;
  int fd = -1;
  const char* step = "connect";
};

// connectSocket(base, path, owner, trusted, patience): the fd is in `fd`.
class Connect : public Look {
 public:
  Connect(napi_env env, napi_callback_info info) {
    const Arguments<5> given(env, info);
    connecting_ = new Connecting(ToPlace(env, given.values), Bool(env, given[3]));
    patience_ = Int(env, given[4]);
  }
  ~Connect() override { delete connecting_; }

 protected:
  int Find() override {
    step_ = "connect";
    const int failed = behind::run(connecting_, patience_);
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
  int patience_;
};

}  // namespace

void State(napi_env env, napi_value exports) {
  Export(env, exports, "readState", Begin<ReadState>);
  Export(env, exports, "connectSocket", Begin<Connect>);
}

}  // namespace js
