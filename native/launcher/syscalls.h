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

#ifndef LAUNCHER_IN_NODE
/* The child goes on here. We go on in `leave`, which never returns, on a stack of its own: so both
 * may share the memory, stack and all. */
static inline long clone_and_leave(unsigned long flags, char* stack, void (*leave)(long child)) {
  long result = __NR_clone;
  register long r10 __asm__("r10") = 0;
  register long r8 __asm__("r8") = 0;
  __asm__ volatile(
      "syscall\n"
      "  test %%rax, %%rax\n"
      "  jle 1f\n"
      "  mov %[stack], %%rsp\n"
      "  mov %%rax, %%rdi\n"
      "  call *%[leave]\n"
      "1:"
      : "+a"(result)
      : "D"(flags), "S"(0), "d"(0), "r"(r10), "r"(r8), [stack] "r"(stack), [leave] "r"(leave)
      : "rcx", "r11", "memory");
  return result;
}

/* The kernel leaves argc, argv and envp on the stack; C wants to be called with an aligned one. */
__asm__(
    ".globl _start\n"
    "_start:\n"
    "  xor %ebp, %ebp\n"
    "  mov %rsp, %rdi\n"
    "  and $-16, %rsp\n"
    "  call start\n");
#endif

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

#ifndef LAUNCHER_IN_NODE
static inline long clone_and_leave(unsigned long flags, char* stack, void (*leave)(long child)) {
  register long x8 __asm__("x8") = __NR_clone;
  register long x0 __asm__("x0") = (long)flags;
  register long x1 __asm__("x1") = 0;
  register long x2 __asm__("x2") = 0;
  register long x3 __asm__("x3") = 0;
  register long x4 __asm__("x4") = 0;
  __asm__ volatile(
      "svc #0\n"
      "  cmp x0, #0\n"
      "  b.le 1f\n"
      "  mov sp, %[stack]\n"
      "  blr %[leave]\n"
      "1:"
      : "+r"(x0)
      : "r"(x8), "r"(x1), "r"(x2), "r"(x3), "r"(x4), [stack] "r"(stack), [leave] "r"(leave)
      : "x30", "cc", "memory");
  return x0;
}

__asm__(
    ".globl _start\n"
    "_start:\n"
    "  mov x29, #0\n"
    "  mov x30, #0\n"
    "  mov x0, sp\n"
    "  bl start\n");
#endif

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
