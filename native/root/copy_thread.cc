#include "root/copy_thread.h"

namespace root {

Hands::Hands(Perform perform, void* data, const Root& root, int flags, Work* work)
    : perform_(perform),
      data_(data),
      root_(root),
      flags_(flags),
      work_(work),
      own_(root, flags, *work) {
  uv_mutex_init(&mutex_);
  uv_cond_init(&more_);
  uv_cond_init(&done_);
}

Hands::~Hands() {
  Finish();
  if (running_) {
    uv_mutex_lock(&mutex_);
    over_ = true;
    uv_cond_signal(&more_);
    uv_mutex_unlock(&mutex_);
    uv_thread_join(&thread_);
  }
  uv_cond_destroy(&done_);
  uv_cond_destroy(&more_);
  uv_mutex_destroy(&mutex_);
}

int Hands::Give(Piece piece) {
  if (!running_ && ++given_ == kAlone) {
    const uv_thread_options_t small = {UV_THREAD_HAS_STACK_SIZE, 256 << 10};
    running_ = uv_thread_create_ex(&thread_, &small, Run, this) == 0;
  }
  uv_mutex_lock(&mutex_);
  const int error = error_;
  const bool given = error == 0 && running_ && waiting_ < kWaiting;
  if (given) {
    pieces_[(first_ + waiting_++) % kWaiting] = std::move(piece);
    if (!busy_) uv_cond_signal(&more_);
  }
  uv_mutex_unlock(&mutex_);
  return given || error < 0 ? error : Do(&piece, &own_);
}

int Hands::Finish() {
  Piece piece;
  while (Take(&piece)) Do(&piece, &own_);
  uv_mutex_lock(&mutex_);
  while (busy_ || waiting_ > 0) uv_cond_wait(&done_, &mutex_);
  const int error = error_;
  uv_mutex_unlock(&mutex_);
  return error;
}

// Of what waits, the first.
bool Hands::Take(Piece* piece) {
  uv_mutex_lock(&mutex_);
  const bool any = waiting_ > 0;
  if (any) {
    *piece = std::move(pieces_[first_]);
    first_ = (first_ + 1) % kWaiting;
    waiting_--;
  }
  uv_mutex_unlock(&mutex_);
  return any;
}

// After an error what still waits is let go of, by whoever takes it.
int Hands::Do(Piece* piece, Hand* hand) {
  uv_mutex_lock(&mutex_);
  int error = error_;
  uv_mutex_unlock(&mutex_);
  if (error == 0) error = perform_(data_, *piece, hand);
  piece->from.Reset();
  if (error == 0) return 0;
  uv_mutex_lock(&mutex_);
  if (error_ == 0) {
    error_ = error;
    failed_ = piece->name;
    work_->reason = hand->refused.reason;
    work_->system = hand->refused.system;
    work_->foreign = hand->refused.foreign;
  }
  error = error_;
  uv_mutex_unlock(&mutex_);
  return error;
}

void Hands::Run(void* data) {
  auto* hands = static_cast<Hands*>(data);
  Piece piece;
  Hand hand(hands->root_, hands->flags_, *hands->work_);
  uv_mutex_lock(&hands->mutex_);
  while (!hands->over_) {
    hands->busy_ = hands->waiting_ > 0;
    if (!hands->busy_) {
      uv_cond_signal(&hands->done_);
      uv_cond_wait(&hands->more_, &hands->mutex_);
      continue;
    }
    uv_mutex_unlock(&hands->mutex_);
    if (hands->Take(&piece)) hands->Do(&piece, &hand);
    uv_mutex_lock(&hands->mutex_);
  }
  uv_mutex_unlock(&hands->mutex_);
}

}  // namespace root
