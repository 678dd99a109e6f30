#include "base/outside.h"

#include <pthread.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/namespaces.h"

namespace outside {
namespace {

pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
Outside known;

bool is_main_thread() { return ::syscall(SYS_gettid) == ::getpid(); }

}  // namespace

int leave(const int* flags, const int* fds, int count) {
  if (!is_main_thread()) return 0;
  Outside now;
  for (int i = 0; i < count && i < kTypes; i++) {
    if (fds[i] < 0) continue;  // this kernel does not have it
    uint64_t device = 0;
    const int failed = sys::get_inode(fds[i], &now.inodes[i], &device);
    if (failed < 0) return failed;
    now.flags[i] = flags[i];
    now.fds[i] = fds[i];
  }
  now.away = true;
  pthread_mutex_lock(&lock);
  now.changes = known.changes + 1;
  known = now;
  pthread_mutex_unlock(&lock);
  return 0;
}

// What was known stays, for those who have looked meanwhile.
void come_back() {
  if (!is_main_thread()) return;
  pthread_mutex_lock(&lock);
  known.away = false;
  known.changes++;
  pthread_mutex_unlock(&lock);
}

Outside look() {
  pthread_mutex_lock(&lock);
  const Outside now = known;
  pthread_mutex_unlock(&lock);
  return now;
}

uint64_t instead(const Outside& before, const Outside& after, int flag) {
  if (!before.away && before.changes == after.changes) return 0;
  for (int i = 0; i < kTypes; i++) {
    if (after.flags[i] == flag) return after.inodes[i];
  }
  return 0;
}

}  // namespace outside
