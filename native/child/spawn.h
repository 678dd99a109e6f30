// The parent half of a spawn: everything is prepared, one clone(2), and the launcher (launcher/)
// does the rest; then the pid and what became of the exec. Knows nothing of JavaScript. Also what
// is done to a child later, through its pidfd: never through a pid, which may be another's.
#pragma once
#include <cstdint>
#include <string>
#include <vector>

#include "child/keeper.h"
#include "child/signals.h"
#include "launcher/launch.h"

namespace spawn {

// In Request::stdio, besides fds of ours. Our ends are in Result::ends.
constexpr int kClosed = -1;
constexpr int kPipe =
    -2;  // at 0, 1 and 2 a pipe, which can carry no fd; behind them a socket pair,
         // as libuv makes them, that takes none where the kernel can refuse them
constexpr int kNull = -3;  // /dev/null; 0, 1 and 2 of a program that gets a terminal, until it does
constexpr int kIpc = -4;   // a socket pair by which handles are passed

struct Request {
  launch fixed;  // without size, offsets, counts and `parent`: start() fills them in
  std::vector<int> stdio;
  std::vector<uint32_t> groups;
  std::string file;
  std::string root;    // "": none
  std::string cwd;     // "": none
  std::string create;  // a struct launch_create with its texts, launcher/create.h; "": none
  std::vector<uint64_t> limits;  // of 16 resources: soft and hard; empty: as ours
  std::string oom_score;         // "": as ours
  std::string label;             // "": as ours
  std::string label_file;
  std::string words;          // in place: a struct launch_words with its texts
  std::vector<int32_t> kept;  // in place: descriptors that stay where they are, ascending
  std::vector<char*> argv;    // the first is left to start(); ended by nullptr
  std::vector<char*> envp;    // ended by nullptr
  int wait;                   // milliseconds for the result of the exec
  int program = -1;           // executed in the launcher's place, with preload.c in it: nothing of
  int preload = -1;           // what that reports is waited for. An fd of it for LD_PRELOAD.
};

struct Process {
  int pid = 0;
  int pidfd = -1;  // -1: there is none, or it has been reaped
};

// What was started, and how far it is. The launch is over when the program has been executed, or
// what was to execute it has ended.
struct Launch {
  Process processes[1 + LAUNCH_FORKS];  // what we cloned, and what was forked in its place
  int current = 0;                      // the last of them
  int channel = -1;
  bool joined = false;  // it forks into a joined pid namespace, and stays until the exec in there
  bool second = false;  // what it forks there forks once more, into a pid namespace below
  bool heard = false;   // nothing more comes by the channel
  bool ready = false;   // a launcher that was to hold namespaces holds them
  int types = -1;       // that preload.c has seen to be entered, CLONE_NEW*
  bool has_terminal = false;      // the launcher makes one, and sends our end of it
  int terminal = -1;              // our end, when it has come
  launch_forks* forks = nullptr;  // the page that it shares with us, where it forks
  int helper_output = -1;         // a file of memory: what programs say that it runs to map ids
};

struct Result {
  const char* step = "";     // the system call that failed
  int detail = 0;            // of setns: the type; of capabilities: which
  bool setup = true;         // it was not the exec of the program
  bool reported = false;     // by the launcher, which ends then
  std::string helper_words;  // the beginning of what a program that maps ids has said
  Launch launch;
  bool over = false;
  std::vector<int> ends;
  keeper::Keeper* keeper = nullptr;  // to be given to keeper::end() after the child's end
};

void join_nothing(launch* fixed);  // of what others have made: no namespace, root or cgroup

// 0, or -errno with no process left behind; our ends of the pipes stay open, so that streams on
// them see the end of the file (none are open where a pipe could not be made). Linux 5.9
// (close_range(2)).
int start(Request* request, Result* result);

// In place: this process becomes the launcher. Returns where it could not: -errno, with all as it
// was. Only on the first thread.
int execute(Request* request, Result* result);

// Looks at what the launcher has said and done meanwhile, and takes over what it has forked. 1: the
// launch is over; 0: it is not; -errno: it failed, with what in `result`. Never waits; neither
// closes nor reaps anything.
int advance(Launch* launch, Result* result);
// Until there may be something for advance() to see: 1; 0: not in so many milliseconds; -errno.
int wait_for_news(const Launch& launch, int milliseconds);

bool has_forked(const Launch& launch);  // something that advance() could not take over

// Ends a launch that is not over, or has failed: kills what it has started, reaps it, closes all.
void abandon(Launch* launch);
void forget_forks(Launch* launch);     // when it is over
void forget_terminal(Launch* launch);  // of a program that was not executed

bool has_ended(int pidfd);  // it can be reaped without waiting
// 1 with the exit code, or the signal that ended it; 0: it runs; -errno. Reaps it.
int wait(int pidfd, int* code, int* signal);
int wait_for(int pidfd, int* code, int* signal);  // the same, but blocks until its end: 0 or -errno
// Of a process that is ending: waits so many milliseconds, and leaves what takes longer to
// keeper.h. Closes it.
constexpr int kMoment = 100;
void reap(int pidfd, int milliseconds = kMoment);

}  // namespace spawn
