/* System calls for a program without a C library: each returns a value >= 0, or -errno. */
#pragma once
#include <asm/unistd.h>

#if defined(__x86_64__)

static inline long call6(long n, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  __asm__ volatile("syscall"
                   : "+a"(n)
                   : "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return n;
}

#elif defined(__aarch64__)

static inline long call6(long n, long a, long b, long c, long d, long e, long f) {
  register long x8 __asm__("x8") = n;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  register long x4 __asm__("x4") = e;
  register long x5 __asm__("x5") = f;
  __asm__ volatile("svc #0"
                   : "+r"(x0)
                   : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), "r"(x5)
                   : "memory");
  return x0;
}

#else
#error "the launcher knows the system calls of x86-64 and arm64 only"
#endif

#define CALL(name, a, b, c, d, e) \
  call6(__NR_##name, (long)(a), (long)(b), (long)(c), (long)(d), (long)(e), 0)
#define CALL0(name) CALL(name, 0, 0, 0, 0, 0)
#define CALL1(name, a) CALL(name, a, 0, 0, 0, 0)
#define CALL2(name, a, b) CALL(name, a, b, 0, 0, 0)
#define CALL3(name, a, b, c) CALL(name, a, b, c, 0, 0)
#define CALL4(name, a, b, c, d) CALL(name, a, b, c, d, 0)
