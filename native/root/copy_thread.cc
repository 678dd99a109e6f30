#include "root/copy_thread.h"

#include "root/copy.h"

namespace root {

CopyThreads::CopyThreads(Copy* copy, const Root& root, int flags, Work* work)
    : copy_(copy), root_(root), flags_(flags), work_(work), own_(root, flags, *work) {
  uv_mutex_init(&mutex_);
  uv_cond_init(&more_);
  uv_cond_init(&done_);
}

CopyThreads::~CopyThreads() {
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

int CopyThreads::Give(Piece piece) {
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

int CopyThreads::Finish() {
  Piece piece;
  while (Take(&piece)) Do(&piece, &own_);
  uv_mutex_lock(&mutex_);
  while (busy_ || waiting_ > 0) uv_cond_wait(&done_, &mutex_);
  const int error = error_;
  uv_mutex_unlock(&mutex_);
  return error;
}

// Of what waits, the first.
bool CopyThreads::Take(Piece* piece) {
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
int CopyThreads::Do(Piece* piece, PerThread* own) {
  uv_mutex_lock(&mutex_);
  int error = error_;
  uv_mutex_unlock(&mutex_);
  if (error == 0) {
    error = copy_->File(piece->from.Get(), piece->parent, piece->name, piece->source, own);
  }
  piece->from.Reset();
  if (error == 0) return 0;
  uv_mutex_lock(&mutex_);
  if (error_ == 0) {
    error_ = error;
    failed_ = piece->name;
    work_->reason = own->refused.reason;
    work_->system = own->refused.system;
    work_->foreign = own->refused.foreign;
  }
  error = error_;
  uv_mutex_unlock(&mutex_);
  return error;
}

void CopyThreads::Run(void* data) {
  auto* threads = static_cast<CopyThreads*>(data);
  Piece piece;
  PerThread own(threads->root_, threads->flags_, *threads->work_);
  uv_mutex_lock(&threads->mutex_);
  while (!threads->over_) {
    threads->busy_ = threads->waiting_ > 0;
    if (!threads->busy_) {
      uv_cond_signal(&threads->done_);
      uv_cond_wait(&threads->more_, &threads->mutex_);
      continue;
    }
    uv_mutex_unlock(&threads->mutex_);
    if (threads->Take(&piece)) threads->Do(&piece, &own);
    uv_mutex_lock(&threads->mutex_);
  }
  uv_mutex_unlock(&threads->mutex_);
}

}  // namespace root
