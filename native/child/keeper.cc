#include "child/keeper.h"

#include <sys/syscall.h>
#include <unistd.h>
#include <uv.h>

namespace keeper {

struct Keeper {
  uv_thread_t thread;
  uv_sem_t done;
  uv_sem_t over;
  int (*work)(void*);
  void* data;
  int error;
};

namespace {

constexpr uv_thread_options_t kSmall = {UV_THREAD_HAS_STACK_SIZE, 256 << 10};

void keep(void* data) {
  auto* keeper = static_cast<Keeper*>(data);
  const int error = keeper->work(keeper->data);
  keeper->error = error;
  uv_sem_post(&keeper->done);
  if (error >= 0) uv_sem_wait(&keeper->over);
}

void release(Keeper* keeper) {
  uv_thread_join(&keeper->thread);
  uv_sem_destroy(&keeper->done);
  uv_sem_destroy(&keeper->over);
  delete keeper;
}

}  // namespace

bool is_first_thread() { return ::syscall(SYS_gettid) == ::getpid(); }

int start(int (*work)(void*), void* data, Keeper** result) {
  auto* keeper = new Keeper{{}, {}, {}, work, data, 0};
  uv_sem_init(&keeper->done, 0);
  uv_sem_init(&keeper->over, 0);
  const int failed = uv_thread_create_ex(&keeper->thread, &kSmall, keep, keeper);
  if (failed != 0) {
    uv_sem_destroy(&keeper->done);
    uv_sem_destroy(&keeper->over);
    delete keeper;
    return failed;
  }
  uv_sem_wait(&keeper->done);
  const int error = keeper->error;
  if (error < 0)
    release(keeper);
  else
    *result = keeper;
  return error;
}

void end(Keeper* keeper) {
  if (keeper == nullptr) return;
  uv_sem_post(&keeper->over);
  release(keeper);
}

}  // namespace keeper
