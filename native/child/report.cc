#include "child/report.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

namespace spawn {
namespace {

const char* name_of(int step) {
  static const char* const names[LAUNCH_STEPS] = {
      "",          "read",      "setns",     "unshare", "clone",   "dup",      "close_range",
      "setsid",    "fchdir",    "chroot",    "chdir",   "getcwd",  "prctl",    "prctl",
      "setgroups", "setresgid", "setresuid", "capset",  "prctl",   "prctl",    "prctl",
      "write",     "execve",    "statx",     "",        "keyctl",  "create",   "",
      "mmap",      "",          "openat2",   "ioctl",   "sendmsg", "pwrite64", "prlimit64"};
  return step > 0 && step < LAUNCH_STEPS ? names[step] : "";
}

// One file at most: where there is room for none, the kernel lets go of all.
int take_rights(const struct cmsghdr* header, Signed* with) {
  const size_t count = (header->cmsg_len - CMSG_LEN(0)) / sizeof(int);
  int error = with->file >= 0 || count != 1 ? -EPROTO : 0;
  for (size_t i = 0; i < count; i++) {
    int file;
    memcpy(&file, CMSG_DATA(header) + i * sizeof file, sizeof file);
    if (error == 0) {
      with->file = file;
    } else {
      ::close(file);
    }
  }
  return error;
}

constexpr size_t kWords = 512;  // bytes

std::string words_in(int file) {
  char text[kWords];
  const ssize_t length = file < 0 ? 0 : ::pread(file, text, sizeof text, 0);
  return length > 0 ? std::string(text, static_cast<size_t>(length)) : std::string();
}

}  // namespace

int receive(int channel, bool with_file, launch_report* report, Signed* with) {
  struct iovec part = {report, sizeof *report};
  constexpr size_t kCredentials = CMSG_SPACE(sizeof(struct ucred));
  alignas(struct cmsghdr) char control[kCredentials + CMSG_SPACE(sizeof(int))];
  struct msghdr message = {};
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = with_file ? sizeof control : kCredentials;
  long length;
  do {
    length = ::recvmsg(channel, &message, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);
  } while (length == -1 && errno == EINTR);
  if (length == -1) return errno == ECONNRESET ? 0 : -errno;
  if (length == 0) return -EPIPE;  // launch.h: it has failed without a word
  int error = 0;
  for (struct cmsghdr* header = CMSG_FIRSTHDR(&message); header != nullptr;
       header = CMSG_NXTHDR(&message, header)) {
    if (header->cmsg_type == SCM_CREDENTIALS) {
      struct ucred sender;
      memcpy(&sender, CMSG_DATA(header), sizeof sender);
      with->pid = sender.pid;
    } else if (header->cmsg_type == SCM_RIGHTS && error == 0) {
      error = take_rights(header, with);
    }
  }
  if (length != static_cast<long>(sizeof *report)) error = -EPROTO;
  return error < 0 ? error : 1;
}

int failed(const Launch& launch, const launch_report& report, Result* result) {
  const char* step = name_of(report.step);
  if (step[0] == '\0' || report.error >= 0 || report.error < -4095) {
    result->step = "recvmsg";
    return -EPROTO;
  }
  result->step = step;
  result->detail = report.detail;
  result->setup = report.step != LAUNCH_EXEC;
  result->reported = true;
  result->helper_words = words_in(launch.helper_output);
  return report.error;
}

}  // namespace spawn
