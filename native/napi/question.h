// What a call asks JavaScript while it runs, and waits for: on a thread, which goes on when it is
// answered, or told that it will not be.
#pragma once
#include <uv.h>

#include <string>

namespace js {

class Question {
 public:
  Question() {
    uv_mutex_init(&mutex_);
    uv_cond_init(&changed_);
  }
  Question(const Question&) = delete;
  ~Question() {
    uv_cond_destroy(&changed_);
    uv_mutex_destroy(&mutex_);
  }

  // On the thread.
  void Put(const std::string& text) {
    uv_mutex_lock(&mutex_);
    text_ = text;
    answered_ = false;
    uv_mutex_unlock(&mutex_);
  }
  // False: there is no answer, and will be none.
  bool Wait(std::string* answer) {
    uv_mutex_lock(&mutex_);
    while (!answered_ && !over_) uv_cond_wait(&changed_, &mutex_);
    const bool answered = answered_ && !over_;
    if (answered) answer->swap(answer_);
    uv_mutex_unlock(&mutex_);
    return answered;
  }

  // On any other.
  std::string Text() {
    uv_mutex_lock(&mutex_);
    std::string text = text_;
    uv_mutex_unlock(&mutex_);
    return text;
  }
  void Answer(std::string answer) {
    uv_mutex_lock(&mutex_);
    answer_ = std::move(answer);
    answered_ = true;
    uv_cond_signal(&changed_);
    uv_mutex_unlock(&mutex_);
  }
  void End() {
    uv_mutex_lock(&mutex_);
    over_ = true;
    uv_cond_signal(&changed_);
    uv_mutex_unlock(&mutex_);
  }

 private:
  uv_mutex_t mutex_;
  uv_cond_t changed_;
  std::string text_;
  std::string answer_;
  bool answered_ = false;
  bool over_ = false;
};

}  // namespace js
