#include "child/signals.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <initializer_list>
#include <string>

#include "base/fd.h"
#include "base/namespaces.h"
#include "child/killable_read.h"

namespace spawn {
namespace {

// A file of /proc, or the end of one that is larger: what is asked of status stands behind the list
// of groups, and that may have 700 KB. false where there is none.
bool read_file(const char* path, char* text, size_t size) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd == -1) return false;
  size_t length = 0;
  long got;
  do {
    if (length == size - 1) {
      length /= 2;
      memmove(text, text + size - 1 - length, length);
    }
    got = ::read(fd, text + length, size - 1 - length);
    if (got > 0) length += static_cast<size_t>(got);
  } while (got > 0 || (got == -1 && errno == EINTR));
  ::close(fd);
  if (length == 0) return false;
  text[length] = '\0';
  return true;
}

// What stands behind a name at the beginning of a line; nullptr: no such line. The first line of
// status is the name that the process gives itself, in which the kernel escapes newlines.
const char* field(const char* text, const char* name) {
  const char* found = strstr(text, name);
  return found == nullptr ? nullptr : found + strlen(name);
}

// The last of the numbers in a line: the pid in the innermost pid namespace. 0: there is only one.
long innermost(const char* numbers) {
  char* end = nullptr;
  long last = 0;
  for (int count = 0;; count++) {
    while (*numbers == '\t' || *numbers == ' ') numbers++;
    const long next = *numbers == '\n' ? 0 : strtol(numbers, &end, 10);
    if (*numbers == '\n' || end == numbers) return count > 1 ? last : 0;
    last = next;
    numbers = end;
  }
}

bool has(const char* status, const char* name, int signal) {
  const char* mask = field(status, name);
  return mask != nullptr && (strtoull(mask, nullptr, 16) >> (signal - 1) & 1) != 0;
}

Fate fate_now(long pid, int signal) {
  char path[64];
  char text[8192];
  snprintf(path, sizeof path, "/proc/%ld/status", pid);
  if (!read_file(path, text, sizeof text) || field(text, "\nSigCgt:\t") == nullptr) {
    return Fate::kReaches;
  }
  if (has(text, "\nSigIgn:\t", signal)) return Fate::kReaches;
  if (has(text, "\nSigCgt:\t", signal)) return Fate::kHandled;
  // One that is pending was not dropped: who waits for it in sigwait(3) has not run yet.
  for (const char* name : {"\nSigBlk:\t", "\nSigPnd:\t", "\nShdPnd:\t"}) {
    if (has(text, name, signal)) return Fate::kBlocked;
  }
  return Fate::kDropped;
}

// Who keeps us waiting for the answer executes a program, and so is in no such call.
bool waits_for_signals(long pid) {
  constexpr int kMost = 256;  // bytes
  constexpr int kWait = 100;  // milliseconds
  char path[64];
  snprintf(path, sizeof path, "/proc/%ld", pid);
  const sys::Fd directory(sys::open_directory(path));
  killable_read::Text text;
  return directory.IsOpen() &&
         killable_read::read(directory.Get(), "syscall", kMost, kWait, &text) == 0 &&
         strtol(std::string(text.bytes, text.length).c_str(), nullptr, 10) == SYS_rt_sigtimedwait;
}

}  // namespace

int kill(int pidfd, int signal) {
  const long done = ::syscall(SYS_pidfd_send_signal, pidfd, signal, nullptr, 0);
  return done == -1 ? -errno : 0;
}

bool terminates(int signal) {
  for (int other : {0, SIGCHLD, SIGCONT, SIGSTOP, SIGTSTP, SIGTTIN, SIGTTOU, SIGURG, SIGWINCH}) {
    if (signal == other) return false;
  }
  return true;
}

Fate fate_of(int pidfd, int signal) {
  if (signal < 1 || signal > 64 || signal == SIGKILL || !terminates(signal)) return Fate::kReaches;
  char path[64];
  char text[8192];
  // Its number in the pid namespace whose /proc this is, whichever that may be.
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", pidfd);
  if (!read_file(path, text, sizeof text)) return Fate::kReaches;
  const char* pid = field(text, "\nPid:\t");
  const char* pids = field(text, "\nNSpid:\t");
  if (pid == nullptr || pids == nullptr || innermost(pids) != 1) return Fate::kReaches;
  const long number = strtol(pid, nullptr, 10);
  const Fate fate = fate_now(number, signal);
  if (fate != Fate::kDropped) return fate;
  // sigwait(3) unblocks for its time what it waits for, so that the mask says nothing meanwhile.
  return waits_for_signals(number) ? Fate::kBlocked : fate_now(number, signal);
}

int end_process(int pidfd, int signal, bool runs, int* instead, Fate* fate_then) {
  const Fate fate = runs ? fate_of(pidfd, signal) : Fate::kReaches;
  *fate_then = fate;
  const int done = kill(pidfd, signal);
  if (fate == Fate::kDropped || (!runs && terminates(signal))) {
    *instead = signal;
    kill(pidfd, SIGKILL);
  }
  return done;
}

bool insist(int pidfd, int signal, bool last, int* instead, Fate* fate) {
  const bool blocked = *fate == Fate::kBlocked;
  if (!blocked && *fate != Fate::kHandled) return false;
  const bool dropped = fate_of(pidfd, signal) == Fate::kDropped;
  if (!dropped || !(blocked || last)) return !last;
  *fate = Fate::kReaches;
  *instead = signal;
  kill(pidfd, SIGKILL);
  return false;
}

}  // namespace spawn
