// The launcher's half of a spawn, with a kernel that answers as the input says: a request as the
// addon lays it out, in which every number and text is the input's, arriving in pieces of any size;
// or bytes that are no request, of which only the size is looked at.
#include <asm/unistd.h>
#include <errno.h>
#include <linux/magic.h>
#include <setjmp.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include <type_traits>
#include <vector>

#include "launcher/launch.h"

extern "C" {
uint8_t request[LAUNCH_MOST + 64];
uint32_t request_size;
void make_request(void);
void start(long* stack);
// What the launcher remembers; the linker gives these their names.
extern char __start_launcher_data[], __stop_launcher_data[];
extern char __start_launcher_bss[], __stop_launcher_bss[];
}

namespace {

const uint8_t* rest;
size_t left;
const uint8_t* sent;
size_t unsent;
int calls;
jmp_buf over;
alignas(4096) char page[4096];

// The kernel writes to what has to be the launcher's own, and reads all of it.
long fill(long to, long size) {
  if (size > 0) memset(reinterpret_cast<void*>(to), 0x41, static_cast<size_t>(size));
  return size;
}
void look(long at, long size) {
  const auto* bytes = reinterpret_cast<const volatile char*>(at);
  for (long i = 0; i < size; i++) calls += bytes[i] == '\1';
}
void look_at_text(long at) {
  if (at != 0) look(at, static_cast<long>(strlen(reinterpret_cast<const char*>(at))));
}

// What is remembered, as it was at first. Between its variables is what the sanitizer watches.
struct Part {
  char* from;
  char* to;
  std::vector<char> first;

  __attribute__((no_sanitize("address"))) void Restore() {
    const size_t size = static_cast<size_t>(to - from);
    const bool known = !first.empty();
    first.resize(size);
    volatile char* there = from;
    volatile char* kept = first.data();
    for (size_t i = 0; i < size; i++) {
      if (known) {
        there[i] = kept[i];
      } else {
        kept[i] = there[i];
      }
    }
  }
};

}  // namespace

extern "C" unsigned next_byte(void) {
  if (left == 0) return 0;
  left--;
  return *rest++;
}

extern "C" uint32_t next_word(void) {
  uint32_t value = next_byte();
  value |= next_byte() << 8;
  value |= next_byte() << 16;
  return value | next_byte() << 24;
}

namespace {

constexpr long kErrors[] = {-EINTR, -EAGAIN, -EPERM, -EINVAL, -ENOENT, -ENOSYS, -EACCES, -ENOMEM};

long AnyFile() {
  const unsigned what = next_byte();
  return what < 32 ? kErrors[what % 8] : what % 64;
}

// Its numbers are the input's: of a kind, mostly, that is looked for.
template <class T>
long FillStruct(long to) {
  T answer = {};
  auto* bytes = reinterpret_cast<uint8_t*>(&answer);
  if (next_byte() % 4 == 0) {
    for (size_t i = 0; i < sizeof answer; i++) bytes[i] = static_cast<uint8_t>(next_byte());
  } else if constexpr (std::is_same_v<T, struct statfs>) {
    constexpr long kinds[] = {PROC_SUPER_MAGIC, DEVPTS_SUPER_MAGIC, SYSFS_MAGIC, NSFS_MAGIC};
    answer.f_type = kinds[next_byte() % 4];
  } else {
    answer.stx_mode = 0100644;
    answer.stx_size = next_word() % 100000;
    answer.stx_rdev_major = next_byte() % 8;
    answer.stx_rdev_minor = next_byte() % 8;
  }
  memcpy(reinterpret_cast<void*>(to), &answer, sizeof answer);
  return 0;
}

}  // namespace

extern "C" long answer(long number, long a, long b, long c, long d, long e) {
  if (++calls > 4000000) abort();  // it does not end
  switch (number) {
    case __NR_exit_group:
      longjmp(over, 1);
    case __NR_read: {
      size_t count = 1 + size_t{next_word()} % 70000;
      if (static_cast<long>(count) > c) count = static_cast<size_t>(c);
      if (count > unsent) count = unsent;
      if (count > 0) memcpy(reinterpret_cast<void*>(b), sent, count);
      sent += count;
      unsent -= count;
      return static_cast<long>(count);
    }
    case __NR_recvfrom:
      return -EAGAIN;
    case __NR_write:
    case __NR_sendto:
      look(b, c);
      return next_byte() % 16 == 0 ? (c + 1) / 2 : c;
    case __NR_pread64: {
      const long size = static_cast<long>(next_byte() % static_cast<unsigned>(c + 1));
      for (long i = 0; i < size; i++)
        reinterpret_cast<char*>(b)[i] = static_cast<char>(next_byte());
      return size;
    }
    case __NR_readlinkat:
      return next_byte() % 4 == 0 ? -EINVAL : fill(c, static_cast<long>(next_word()) % (d + 1));
    case __NR_statx:
      return next_byte() % 8 == 0 ? -ENOENT : FillStruct<struct statx>(e);
    case __NR_fstatfs:
      return FillStruct<struct statfs>(b);
    case __NR_prlimit64:
      if (c != 0) look(c, 16);
      return next_byte() % 8 == 0 ? -EINVAL : d == 0 ? 0 : fill(d, 16) * 0;
    case __NR_openat2:
      look_at_text(b);
      look(c, d);
      return AnyFile();
    case __NR_sendmsg: {
      const auto* message = reinterpret_cast<const struct msghdr*>(b);
      look(reinterpret_cast<long>(message->msg_iov[0].iov_base),
           static_cast<long>(message->msg_iov[0].iov_len));
      look(reinterpret_cast<long>(message->msg_control),
           static_cast<long>(message->msg_controllen));
      return next_byte() % 8 == 0 ? -EINTR : 12;
    }
    case __NR_rt_sigtimedwait:
      if (b != 0) fill(b, 128);
      return next_byte() % 65;
    case __NR_getcwd:
      return fill(a, b);
    case __NR_getgroups: {
      const long groups = next_word() % 65537;
      return groups > a ? -EINVAL : fill(b, groups * 4) / 4;
    }
    case __NR_setgroups:
      look(b, a * 4);
      return next_byte() % 2 == 0 ? 0 : -EPERM;
    case __NR_execve:
      look_at_text(a);
      return kErrors[next_byte() % 8];
    case __NR_chdir:
    case __NR_chroot:
      look_at_text(a);
      return next_byte() < 16 ? -ENOENT : 0;
    case __NR_mmap:
      return reinterpret_cast<long>(page);
    case __NR_wait4: {  // who waits in place ends with its child
      const uint32_t status = next_word();
      if (b != 0) memcpy(reinterpret_cast<void*>(b), &status, sizeof status);
      return next_byte() % 4 == 1 ? 0 : a;
    }
    case __NR_clone:
      return next_byte() % 4 == 0 ? 100 : 0;
    default: {
      const unsigned what = next_byte();
      return what < 32 ? kErrors[what % 8] : what < 64 ? static_cast<long>(what - 32) : 0;
    }
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static Part parts[] = {{__start_launcher_data, __stop_launcher_data, {}},
                         {__start_launcher_bss, __stop_launcher_bss, {}}};
  for (Part& part : parts) part.Restore();
  rest = data;
  left = size;
  calls = 0;
  memset(page, 0, sizeof page);
  if (next_byte() % 8 == 0) {
    sent = rest;
    unsent = left;
    // A request that is one: its offsets are the addon's, and believed.
    uint32_t length = 0;
    if (left >= 4) memcpy(&length, rest, 4);
    if (length <= left) unsent = length < 4 ? left : length - 1;
  } else {
    make_request();
    sent = request;
    unsent = request_size;
    if (next_byte() % 8 == 0) unsent = next_word() % (request_size + 1);  // its end is missing
  }
  char number[] = "40", program[] = "program", argument[] = "argument";
  char one[] = "A=1", path[64] = "PATH=";
  for (int i = 5; i < 60; i++) path[i] = "/bin:a"[next_byte() % 6];
  path[60] = 0;
  const auto word = [](char* text) { return reinterpret_cast<long>(text); };
  long stack[] = {3, word(number), word(program), word(argument), 0, word(one), word(path), 0};
  if (setjmp(over) == 0) start(stack);
  return 0;
}
