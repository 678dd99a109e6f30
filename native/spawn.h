// The parent half of a spawn: everything is prepared, one clone(2), and the launcher (launcher/)
// does the rest; then the pid and what became of the exec. Knows nothing of JavaScript. Also what
// is done to a child later, through its pidfd: never through a pid, which may be another's.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "keeper.h"
#include "launcher/launch.h"

namespace spawn {

// In Request::stdio, besides fds of ours.
constexpr int kClosed = -1;
constexpr int kPipe = -2;  // a socket pair, as libuv makes them; our end is in Result::ends
constexpr int kNull = -3;  // /dev/null

struct Request {
  launch fixed;  // without size, offsets, counts and `parent`: start() fills them in
  std::vector<int> stdio;
  std::vector<uint32_t> groups;
  std::string file;
  std::string root;         // "": none
  std::string cwd;          // "": none
  std::string create;       // a struct launch_create with its texts, launcher/create.h; "": none
  std::vector<char*> argv;  // the first is left to start(); ended by nullptr
  std::vector<char*> envp;  // ended by nullptr
  int wait;                 // milliseconds for the result of the exec
  int program = -1;         // executed in the launcher's place, with preload.c in it: nothing of
  int preload = -1;         // what that reports is waited for. An fd of it for LD_PRELOAD.
};

struct Result {
  const char* step = "";  // the system call that failed
  int detail = 0;         // of setns: the type; of capabilities: which
  bool setup = true;      // it was not the exec of the program
  int pid = 0;
  int pidfd = -1;
  int channel = -1;    // >= 0: the exec is not over, read_report() will tell
  bool hold = false;   // in: a launcher that holds namespaces, which says when it does
  bool ready = false;  // a launcher that was to hold namespaces holds them
  std::vector<int> ends;
  keeper::Keeper* keeper = nullptr;  // to be given to keeper::end() after the child's end
};

// 0, or -errno with no process left behind; our ends of the pipes stay open, so that streams on
// them see the end of the file (none are open where a pipe could not be made). Linux 5.9
// (close_range(2)).
int start(Request* request, Result* result);

// 1: the program runs; 0: not known yet; -errno: it failed, with what in `result`. Of a program
// with preload.c in it also kForked (another process goes on, `pid` and `pidfd`), and kEntered (it
// is in the types of `detail`).
constexpr int kForked = 2;
constexpr int kEntered = 3;
int read_report(int channel, Result* result);

// 1 with the exit code, or the signal that ended it; 0: it runs; -errno. Reaps it.
int wait(int pidfd, int* code, int* signal);
int wait_for(int pidfd, int* code, int* signal);  // the same, but blocks until its end: 0 or -errno
int kill(int pidfd, int signal);
void reap(int pidfd);  // waits for its end, and closes it

}  // namespace spawn
