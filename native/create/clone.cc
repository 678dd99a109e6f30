#include "create/clone.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/kernel.h"
#include "child/internal.h"

#ifndef CLONE_PIDFD
#define CLONE_PIDFD 0x00001000
#endif

namespace clone_call {
namespace {

constexpr long kClone3 = 435;
constexpr int kSignals = 64;

// struct clone_args up to its first version, linux/sched.h.
struct Arguments {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
};

struct Child {
  const Program* program;
  int error;
};

// On our memory, while we are suspended: only system calls on prepared data. An ignored signal
// stays ignored over an exec, and Node ignores SIGPIPE; our handlers are a copy here. As it never
// returns, what AddressSanitizer marks around its variables would stay on the stack of ours.
__attribute__((no_sanitize("address"))) int child_main(void* data) {
  auto* child = static_cast<Child*>(data);
  struct {
    long handler, flags, restorer;
    uint64_t mask;
  } standard = {};
  const uint64_t none = 0;
  for (int signal = 1; signal <= kSignals; signal++) {
    ::syscall(SYS_rt_sigaction, signal, &standard, nullptr, sizeof none);
  }
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &none, nullptr, sizeof none);
  // Node closes its own at every exec; the program has them as it has those of a shell.
  for (int fd = 0; fd < 3; fd++) ::syscall(SYS_fcntl, fd, F_SETFD, 0);
  ::execve(child->program->file, child->program->argv, child->program->envp);
  child->error = -errno;
  ::_exit(127);
}

// The child begins on a stack of its own, so it cannot return from here. -errno.
long clone3(const Arguments* arguments, int (*run)(void*), void* data) {
  long result = -ENOSYS;
#if defined(__x86_64__)
  register auto function __asm__("r8") = run;
  register void* argument __asm__("r9") = data;
  __asm__ volatile(
      "syscall\n"
      "test %%rax, %%rax\n"
      "jnz 1f\n"
      "xor %%ebp, %%ebp\n"
      "mov %%r9, %%rdi\n"
      "call *%%r8\n"
      "ud2\n"
      "1:\n"
      : "=a"(result)
      : "0"(kClone3), "D"(arguments), "S"(sizeof *arguments), "r"(function), "r"(argument)
      : "rcx", "r11", "memory", "cc");
#elif defined(__aarch64__)
  register long number __asm__("x8") = kClone3;
  register auto first __asm__("x0") = reinterpret_cast<long>(arguments);
  register long size __asm__("x1") = sizeof *arguments;
  register auto function __asm__("x9") = run;
  register void* argument __asm__("x10") = data;
  __asm__ volatile(
      "svc #0\n"
      "cbnz x0, 1f\n"
      "mov x29, #0\n"
      "mov x0, x10\n"
      "blr x9\n"
      "brk #0\n"
      "1:\n"
      : "+r"(first)
      : "r"(number), "r"(size), "r"(function), "r"(argument)
      : "memory", "cc", "x30");
  result = first;
#else
  (void)arguments, (void)run, (void)data;
#endif
  return result;
}

int start(Child* child, int* pidfd, const char** step) {
  alignas(16) char stack[16384];
  const uint64_t flags = child->program->types | CLONE_VM | CLONE_VFORK | CLONE_PIDFD;
  Arguments arguments = {};
  arguments.flags = flags;
  arguments.pidfd = reinterpret_cast<uint64_t>(pidfd);
  arguments.exit_signal = SIGCHLD;
  arguments.stack = reinterpret_cast<uint64_t>(stack);
  arguments.stack_size = sizeof stack;
  *step = "clone3";
  const long pid = clone3(&arguments, child_main, child);
  // The old call has no bit for the flag of time: it is taken for a part of the signal's number.
  if (pid != -ENOSYS || (flags & kernel::kTime) != 0) return static_cast<int>(pid);
  *step = "clone";
  return sys::result_of(
      ::clone(child_main, stack + sizeof stack, static_cast<int>(flags) | SIGCHLD, child, pidfd));
}

}  // namespace

int run(Program* program) {
  Child child = {program, 0};
  uint64_t all = ~uint64_t{0};
  uint64_t before = 0;
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &all, &before, sizeof all);
  const int pid = start(&child, &program->pidfd, &program->step);
  ::syscall(SYS_rt_sigprocmask, SIG_SETMASK, &before, nullptr, sizeof before);
  if (pid < 0) return pid;
  program->pid = pid;
  if (child.error == 0) return 0;
  program->step = "execve";
  spawn::reap(program->pidfd);
  return child.error;
}

}  // namespace clone_call
