/* The launcher compiled as an ordinary program, for launcher_request.cc: its system calls are
 * answered by the input. It is included as preload.c does, without its beginning; execute.h comes
 * after it. */
#include <setjmp.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

static long answer(long number, long a, long b, long c, long d);

#define LAUNCHER_IN_NODE
#include "launcher/syscalls.h"
#undef CALL
#define CALL(name, a, b, c, d, e) \
  ((void)(e), answer(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d)))

#include "launcher/launcher.c"

/* Its end, which preload.c has not. */
#include "launcher/execute.h"

static const uint8_t* rest;
static size_t left;
static jmp_buf over;
static const uint8_t* sent;
static size_t unsent;
static int calls;

static unsigned next(void) {
  if (left == 0) return 0;
  left--;
  return *rest++;
}

static uint32_t word(void) {
  uint32_t value = next();
  value |= next() << 8;
  value |= next() << 16;
  return value | next() << 24;
}

/* What the kernel writes to has to be ours: touched, so that the sanitizer sees it. */
static long fill(void* to, long size) {
  if (size > 0) memset(to, 0x41, (size_t)size);
  return size;
}

static long answer(long number, long a, long b, long c, long d) {
  static const long errors[] = {-EINTR,  -EAGAIN, -EPERM,  -EINVAL,
                                -ENOENT, -ENOSYS, -EACCES, -ENOMEM};
  (void)a, (void)d;
  if (++calls > 100000) abort(); /* it does not end */
  switch (number) {
    case __NR_exit_group:
      longjmp(over, 1);
    case __NR_read: {
      size_t count = 1 + (size_t)word() % 70000;
      if ((long)count > c) count = (size_t)c;
      if (count > unsent) count = unsent;
      if (count > 0) memcpy((void*)b, sent, count);
      sent += count, unsent -= count;
      return (long)count;
    }
    case __NR_write:
      for (long i = 0; i < c; i++) calls += ((const volatile char*)b)[i] == 0; /* read, all of it */
      return next() % 16 == 0 ? c / 2 : c;
    case __NR_pread64: {
      const long size = (long)(next() % (unsigned)(c + 1));
      char* text = (char*)b;
      for (long i = 0; i < size; i++) text[i] = (char)next();
      return size;
    }
    case __NR_getcwd:
      return fill((void*)a, b);
    case __NR_getgroups: {
      const uint32_t groups = word() % 65537;
      if ((long)groups > a) return -EINVAL;
      return fill((void*)b, (long)groups * 4) / 4;
    }
    case __NR_execve:
      for (const char* path = (const char*)a; *path != 0; path++) calls += *path == '\1';
      return errors[next() % 8];
    case __NR_clone:
      return 0; /* we are the child */
    default: {
      const unsigned what = next();
      return what < 32 ? errors[what % 8] : what < 64 ? (long)(what - 32) : 0;
    }
  }
}

/* ---- a request as prepare.cc makes it ---- */

static uint8_t request[LAUNCH_MOST + 64];
static uint32_t used;

static uint32_t append(const void* data, uint32_t size) {
  used = (used + 7) & ~7u;
  if (used + size > LAUNCH_MOST) return 0;
  if (data != NULL) memcpy(request + used, data, size);
  used += size;
  return used - size;
}

static uint32_t append_text(uint32_t most) {
  const uint32_t length = word() % most;
  if (length == 0) return 0;
  const uint32_t offset = append(NULL, length + 1);
  if (offset == 0) return 0;
  const char* letters = "/a.:0 \n";
  const unsigned first = next(), step = next();
  for (uint32_t i = 0; i < length; i++)
    request[offset + i] = (uint8_t)letters[(first + i * step) % 7];
  request[offset + length] = 0;
  return offset;
}

static void make_request(void) {
  struct launch fixed;
  memset(&fixed, 0, sizeof fixed);
  memset(request, 0, sizeof request);
  used = sizeof fixed;
  fixed.flags = word();
  fixed.unshare = word();
  for (int i = 0; i < LAUNCH_JOINS; i++) {
    fixed.joins[i] = (int32_t)(next() % 40) - 1;
    fixed.types[i] = i == 0 ? NEW_USER : word();
  }
  fixed.root = (int32_t)(next() % 40) - 1;
  fixed.cgroup = (int32_t)(next() % 40) - 1;
  fixed.parent = (int32_t)(next() % 40) - 1;
  for (int i = 0; i < 3; i++) fixed.uid[i] = word(), fixed.gid[i] = word();
  fixed.umask = word();
  fixed.inheritable = word(), fixed.permitted = word(), fixed.effective = word();
  fixed.bounding = word(), fixed.ambient = word();
  fixed.stdio_count = next() % 64;
  int32_t stdio[64];
  for (int i = 0; i < 64; i++) stdio[i] = (int32_t)(next() % 80) - 1;
  fixed.stdio = append(stdio, fixed.stdio_count * 4);
  fixed.groups_count = word() % 40000;
  fixed.groups = append(NULL, fixed.groups_count * 4);
  if (fixed.groups == 0) fixed.groups_count = 0;
  fixed.file = append_text(6000);
  if (fixed.file == 0) fixed.file = append("x", 2);
  fixed.root_path = append_text(6000);
  fixed.cwd = append_text(6000);
  if (next() % 2 == 1) {
    struct launch_create create;
    memset(&create, 0, sizeof create);
    fixed.create = append(NULL, sizeof create);
    if (fixed.create != 0) {
      uint32_t* texts[] = {&create.setgroups,  &create.uid_map,    &create.gid_map,
                           &create.uid_helper, &create.gid_helper, &create.offsets,
                           &create.hostname,   &create.domainname, &create.proc};
      create.flags = next() % 8 & ~1u;
      create.loopback = next() % 2;
      create.propagation = word();
      for (int i = 0; i < 9; i++) {
        const uint32_t offset = append_text(i < 3 ? 4096 : 200);
        *texts[i] = offset == 0 ? 0 : offset - fixed.create;
      }
      memcpy(request + fixed.create, &create, sizeof create);
    }
  }
  fixed.size = used;
  memcpy(request, &fixed, sizeof fixed);
}

/* As `start`, without what never returns. */
static void go_through(void) {
  channel = 40;
  receive();
  reset_signals();
  open_proc();
  join();
  if (asked(LAUNCH_FORK_JOINED)) go_on_as_child(1);
  create_namespaces();
  if (asked(LAUNCH_FORK_CREATED)) go_on_as_child(!asked(LAUNCH_FORK_JOINED));
  arrange_files();
  change_directory();
  change_credentials();
  if (asked(LAUNCH_DIE_WITH_PARENT)) die_with_parent();
  char* words[] = {"40", "program", "argument", NULL};
  char path[64] = "PATH=";
  for (int i = 5; i < 60; i++) path[i] = "/bin:a"[next() % 6];
  path[60] = 0;
  char* variables[] = {"A=1", path, NULL};
  fail(LAUNCH_EXEC, search_and_execute(at(launch->file), words + 1, variables), 0);
}

void run_launcher(const uint8_t* data, size_t size) {
  rest = data, left = size;
  calls = 0;
  memset(&message, 0, sizeof message);
  create = NULL, proc = -1, own_files = 0;
  if (next() % 8 == 0) { /* no request: received, and no further */
    sent = rest, unsent = left;
    if (setjmp(over) == 0) {
      channel = 40;
      receive();
      if (launch->size < sizeof *launch || launch->size > LAUNCH_MOST) abort();
    }
    return;
  }
  make_request();
  sent = request, unsent = used;
  if (next() % 8 == 0) unsent = word() % (used + 1); /* its end is missing */
  if (setjmp(over) == 0) go_through();
}
