// The launcher's half of a spawn, with a kernel that answers as the input says. The input is
//   a byte         0: what follows the head is no request, and only its size is looked at, of which
//                  all that may be asked for comes
//   a byte         1: the end of the request is missing
//   two bytes      which forks return otherwise than they do by default, a bit for each
//   two bytes      length of PATH
//   two bytes      seed of PATH
//   12 bytes       of three texts of the request: which, of what if it is not there, how long it is
//   made four bytes     length of the request
// the request as it was captured (scripts/fuzz/requests.mjs), of which launcher_parts.c makes one
// whose every part is an allocation of its own, and the kernel's answers: where they end, all goes
// well.
#include <asm/unistd.h>
#include <errno.h>
#include <linux/magic.h>
#include <linux/sched.h>
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

#ifdef __clang__
#define NO_COVERAGE no_sanitize("coverage")
#else
#define NO_COVERAGE unused
#endif

extern "C" {
uint8_t request[LAUNCH_MOST + 64];
uint32_t request_size;
void make_request(const uint8_t* bytes, uint32_t size, const void* changes, unsigned count);
void forget_gaps(void);
void close_gaps(void);
void* __asan_region_is_poisoned(void* from, size_t size);
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
std::vector<uint8_t> stream;  // what is no request, and more
int calls;
int reads;       // after the request
unsigned forks;  // so far
unsigned reversed;
bool whole;  // the request, which make_request() has made
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
// The whole buffer, whatever comes: one that is announced as larger than it is may be filled.
void own(long at, long size) {
  if (size > 0 && __asan_region_is_poisoned(reinterpret_cast<void*>(at), size) != nullptr) {
    look(at, size);  // the sanitizer says whose it is not
    abort();
  }
}
void look_at_text(long at) {
  if (at != 0) look(at, static_cast<long>(strlen(reinterpret_cast<const char*>(at))));
}

// What is remembered, as it was at first. Between its variables is what the sanitizer watches.
struct Part {
  using Word = volatile uint64_t;
  char* from;
  char* to;
  std::vector<uint64_t> first;

  // It is most of a run: so in whole words, and without what a fuzzer wants to know of each.
  __attribute__((no_sanitize("address", "undefined"), NO_COVERAGE)) void Restore() {
    const size_t words = static_cast<size_t>(to - from) / sizeof(Word);
    auto* there = reinterpret_cast<Word*>(from);
    if (first.empty()) {
      first.resize(words);
      uint64_t* kept = first.data();
      for (size_t i = 0; i < words; i++) kept[i] = there[i];
    } else {
      const uint64_t* kept = first.data();
      for (size_t i = 0; i < words; i++) there[i] = kept[i];
    }
    volatile char* last = from + words * sizeof(Word);
    for (size_t i = 0; i < sizeof(Word) && last < to; i++, last++) {
      if (!known) tail[i] = *last;
      *last = tail[i];
    }
    known = true;
  }

  char tail[sizeof(Word)];
  bool known;
};

}  // namespace

namespace {

// 0 where the input ends.
unsigned next_byte() {
  if (left == 0) return 0;
  left--;
  return *rest++;
}

uint32_t next_half() {
  const uint32_t low = next_byte();
  return low | next_byte() << 8;
}

uint32_t next_word() {
  const uint32_t low = next_half();
  return low | next_half() << 16;
}

// One in eight.
bool Seldom() { return next_byte() % 8 == 7; }

constexpr long kErrors[] = {-ENOENT, -EINTR, -EAGAIN, -EPERM, -EINVAL, -ENOSYS, -EACCES, -ENOMEM};

long AnyFile() {
  const unsigned what = next_byte();
  return what >= 224 ? kErrors[what % 8] : 3 + what % 64;
}

// Of files of the target, and of who has to be waited for.
long Read(long to, long size) {
  static const char users[] = "root:x:0:0:root:/root:/bin/sh\n";
  const unsigned what = next_byte();
  if (what >= 240) return kErrors[what % 8];
  if (what >= 224 || ++reads > 200 || size <= 0) return 0;
  const long most = static_cast<long>(1 + next_half() % 32768);
  const long count = most < size ? most : size;
  auto* bytes = reinterpret_cast<char*>(to);
  for (long i = 0; i < count; i++)
    bytes[i] = left > 0 && what >= 128 ? static_cast<char>(next_byte()) : users[i % 30];
  return count;
}

// Its numbers are the input's: of a kind, mostly, that is looked for.
template <class T>
long FillStruct(long to) {
  T answer = {};
  auto* bytes = reinterpret_cast<uint8_t*>(&answer);
  if (Seldom()) {
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
      own(b, c);
      if (unsent == 0) return whole ? Read(b, c) : 0;
      const uint32_t piece = next_half();
      size_t count = piece == 0 ? unsent : piece;
      if (static_cast<long>(count) > c) count = static_cast<size_t>(c);
      if (count > unsent) count = unsent;
      if (count > 0) memcpy(reinterpret_cast<void*>(b), sent, count);
      sent += count;
      unsent -= count;
      if (unsent == 0 && whole) close_gaps();
      return static_cast<long>(count);
    }
    case __NR_recvfrom:  // over the request, which is done with
      forget_gaps();
      own(b, c);
      return -EAGAIN;
    case __NR_write:
    case __NR_sendto:
      look(b, c);
      return Seldom() ? (c + 1) / 2 : c;
    case __NR_pread64: {
      own(b, c);
      constexpr char stat[] = "40 (node) S 1 40";
      if (!Seldom()) {
        memcpy(reinterpret_cast<void*>(b), stat, sizeof stat - 1);
        return sizeof stat - 1;
      }
      const long size = static_cast<long>(next_byte() % static_cast<unsigned>(c + 1));
      for (long i = 0; i < size; i++)
        reinterpret_cast<char*>(b)[i] = static_cast<char>(next_byte());
      return size;
    }
    case __NR_readlinkat:
      own(c, d);
      return Seldom() ? fill(c, static_cast<long>(next_half()) % (d + 1)) : -EINVAL;
    case __NR_statx:
      return Seldom() ? -ENOENT : FillStruct<struct statx>(e);
    case __NR_fstatfs:
      return FillStruct<struct statfs>(b);
    case __NR_prlimit64:
      if (c != 0) look(c, 16);
      return Seldom() ? -EINVAL : d == 0 ? 0 : fill(d, 16) * 0;
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
      return Seldom() ? -EINTR : 12;
    }
    case __NR_rt_sigtimedwait:
      if (b != 0) fill(b, 128);
      return next_byte() % 65;
    case __NR_getcwd:
      fill(a, b);
      if (!Seldom()) *reinterpret_cast<char*>(a) = '/';
      return b;
    case __NR_getgroups: {
      const long groups = next_word() % 65537;
      return groups > a ? -EINVAL : fill(b, groups * 4) / 4;
    }
    case __NR_setgroups:
      look(b, a * 4);
      return Seldom() ? -EPERM : 0;
    case __NR_execve:
      look_at_text(a);
      return kErrors[next_byte() % 8];
    case __NR_chdir:
    case __NR_chroot:
      look_at_text(a);
      return Seldom() ? -ENOENT : 0;
    case __NR_mmap:
      return reinterpret_cast<long>(page);
    case __NR_wait4: {  // who waits in place ends with its child
      const uint32_t status = next_word();
      if (b != 0) memcpy(reinterpret_cast<void*>(b), &status, sizeof status);
      return Seldom() ? 0 : a;
    }
    case __NR_clone: {  // what goes on is the program's; a helper does something and ends
      const bool child = ((a & CLONE_PARENT) != 0) != ((reversed >> (forks++ % 16) & 1) != 0);
      return Seldom() ? -ENOMEM : child ? 0 : 100;
    }
    default: {
      const unsigned what = next_byte();
      return what >= 224 ? kErrors[what % 8] : what >= 192 ? static_cast<long>(what - 192) : 0;
    }
  }
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  forget_gaps();
  static Part parts[] = {{__start_launcher_data, __stop_launcher_data, {}, {}, false},
                         {__start_launcher_bss, __stop_launcher_bss, {}, {}, false}};
  for (Part& part : parts) part.Restore();
  rest = data;
  left = size;
  calls = reads = 0;
  forks = 0;
  memset(page, 0, sizeof page);
  const bool is_request = next_byte() != 0;
  whole = next_byte() != 1 && is_request;
  reversed = next_half();
  const uint32_t path_length = next_half();
  const uint32_t path_seed = next_half();
  uint16_t changes[6];
  for (uint16_t& change : changes) change = static_cast<uint16_t>(next_half());
  uint32_t length = next_word();
  if (length > left) length = static_cast<uint32_t>(left);
  if (is_request) {
    make_request(rest, length, changes, 3);
    rest += length;
    left -= length;
    sent = request;
    unsent = whole ? request_size : next_word() % request_size;
  } else {
    // A request that is one would be gone through, and its offsets are the addon's, and believed:
    // the last byte of it is missing. Of any other there is more than anybody takes.
    uint32_t told = 0;
    if (left >= sizeof told) memcpy(&told, rest, sizeof told);
    const bool fits = told >= sizeof(struct launch) && told <= LAUNCH_MOST;
    stream.assign(fits ? told - 1 : 2 * LAUNCH_MOST, 0x41);
    if (left > 0) memcpy(stream.data(), rest, left < stream.size() ? left : stream.size());
    sent = stream.data();
    unsent = stream.size();
  }
  // Each of exactly its size.
  std::vector<char> path(path_length + 6);
  memcpy(path.data(), "PATH=", 5);
  for (uint32_t i = 0; i < path_length; i++)
    path[5 + i] = path_seed % 64 == 0 ? 'p' : "/bin:usr"[(path_seed + i * (path_seed >> 8)) % 8];
  std::vector<char> texts[] = {{'4', '0', 0}, {'p', 0}, {'a', 0}, {'A', '=', '1', 0}, path};
  const auto word = [&](int i) { return reinterpret_cast<long>(texts[i].data()); };
  std::vector<long> stack = {3, word(0), word(1), word(2), 0, word(3), word(4), 0};
  if (setjmp(over) == 0) start(stack.data());
  return 0;
}

// ---- changes ----

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t most);

namespace {

constexpr size_t kHead = 24;
// Around what buffers have.
constexpr uint16_t kLengths[] = {1,    15,   16,   63,   64,   255,  256,   257,   300,   1023,
                                 4093, 4094, 4095, 4096, 4097, 8190, 8192,  8300,  16384, 32768,
                                 2000, 3000, 5000, 6000, 7000, 9000, 12000, 20000, 40000, 65535};
// Of a request, around what it may be.
constexpr uint32_t kSizes[] = {
    0,           sizeof(struct launch) - 1, sizeof(struct launch), LAUNCH_MOST - 1,
    LAUNCH_MOST, LAUNCH_MOST + 1,           LAUNCH_MOST + 64,      LAUNCH_MOST + 4096,
    ~0u};
constexpr uint32_t kNumbers[] = {0, 1, 2, 3, 7, 15, 16, 31, 32, 33, 63, 64, 65, 0x7fffffff, ~0u};

template <class T>
void Store(uint8_t* to, T value) {
  memcpy(to, &value, sizeof value);
}

}  // namespace

// Half of the time it is the fuzzer's own way, otherwise something that a request is made of.
extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t most, unsigned seed) {
  uint64_t state = seed * 2654435761ULL + 88172645463325252ULL;
  const auto below = [&state](size_t limit) {
    state ^= state << 13;
    state ^= state >> 7;
    state ^= state << 17;
    return static_cast<size_t>((state >> 11) % limit);
  };
  if (size < kHead || below(2) == 0) return LLVMFuzzerMutate(data, size, most);
  if (data[0] == 0) {
    if (size < kHead + 4) memset(data + size, 0, kHead + 4 - size);
    Store(data + kHead, kSizes[below(sizeof kSizes / sizeof *kSizes)]);
    return size < kHead + 4 ? kHead + 4 : size;
  }
  uint32_t length;
  memcpy(&length, data + 20, sizeof length);
  if (length > size - kHead) length = static_cast<uint32_t>(size - kHead);
  for (size_t i = 0; i <= below(3); i++) {
    switch (below(7)) {
      case 0:
        data[2 + below(2)] ^= 1 << below(8);
        break;
      case 1:
        Store(data + 4, kLengths[below(sizeof kLengths / sizeof *kLengths)]);
        Store(data + 6, static_cast<uint16_t>(below(65536)));
        break;
      case 2:
      case 3: {
        uint8_t* change = data + 8 + 4 * below(3);
        const size_t part = below(3) == 0 ? 255 : below(100);
        Store(change, static_cast<uint16_t>(part | below(4) << 8));
        Store(change + 2, kLengths[below(sizeof kLengths / sizeof *kLengths)]);
        break;
      }
      case 4:  // a number or a bit of the fixed part
        if (length >= sizeof(struct launch)) {
          uint8_t* to = data + kHead + 4 * below(sizeof(struct launch) / 4);
          if (below(2) == 0) {
            Store(to, kNumbers[below(sizeof kNumbers / sizeof *kNumbers)]);
          } else {
            to[below(4)] ^= 1 << below(8);
          }
        }
        break;
      default: {  // the kernel's answer to one of the calls
        const size_t at = kHead + length + below(below(2) == 0 ? 40 : 400);
        if (at >= most) break;
        if (at >= size) {
          memset(data + size, 0, at + 1 - size);
          size = at + 1;
        }
        data[at] = static_cast<uint8_t>(below(3) == 0 ? 7 : 192 + below(64));
      }
    }
  }
  return size;
}
