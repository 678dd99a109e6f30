// What the addon does on several threads at once, without Node, for ThreadSanitizer: threads
// ROUNDS. Copies of one root that are looked at and cancelled meanwhile, scans of /proc, children
// that end with the thread that started them, that are waited for, or have a terminal, what
// callbacks ask of paths and names, environments that are read. Needs root.
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <uv.h>

#include <string>
#include <vector>

#include "base/left_behind.h"
#include "callback/procfs.h"
#include "callback/resolver.h"
#include "child/blocking.h"
#include "child/internal.h"
#include "child/killable_read.h"
#include "child/reaper.h"
#include "child/terminal.h"
#include "containers/state_files.h"
#include "inspect/namespace_scan.h"
#include "inspect/processes.h"
#include "root/operation.h"

// ThreadSanitizer's own takes a child that shares our memory for a fork, and believes from then on
// that it is in the child.
extern "C" int __clone(int (*)(void*), void*, int, void*, ...);
extern "C" int clone(int (*run)(void*), void* stack, int flags, void* data, ...) {
  va_list rest;
  va_start(rest, data);
  int* pidfd = va_arg(rest, int*);
  va_end(rest);
  return __clone(run, stack, flags, data, pidfd);
}

namespace {

std::string folder;
Shared<root::Root> shared = Shared<root::Root>::Make();

void check(bool fine, const char* what) {
  if (fine) return;
  fprintf(stderr, "%s: %s\n", what, strerror(errno));
  _exit(2);
}

struct Part {
  uv_thread_t thread;
  int number;
  int round;
};

void copy(const Part& part) {
  root::Call call;
  call.root = shared;
  call.operation = root::Operation::kCopy;
  call.path = folder + "/from";
  call.other = folder + "/to" + std::to_string(part.number);
  uv_thread_t watcher;
  uv_thread_create(
      &watcher,
      [](void* data) {
        auto* work = static_cast<root::Call*>(data);
        for (int i = 0; i < 50; i++) {
          usleep(200);
          if (work->files.load() + work->bytes.load() > 400000) work->cancelled = true;
        }
        if (rand() % 3 == 0) work->cancelled = true;
      },
      &call);
  root::run(&call);
  uv_thread_join(&watcher);
  check(call.value >= 0 || call.value == -ECANCELED, "copy");
  root::Call removal;
  removal.root = shared;
  removal.operation = root::Operation::kRemove;
  removal.path = call.other;
  removal.numbers[0] = 1;
  root::run(&removal);
}

void look() {
  const limits::Limits most = {131072,  1 << 24, 256,  1 << 26,
                               1 << 23, 1 << 20, 2000, {1 << 26, 10000}};
  scan::Result result;
  scan::run({-1, true, most}, &result);
  check(!result.namespaces.empty(), "scan");
  std::vector<processes::Row> rows;
  std::vector<processes::Owner> owners;
  int unreadable = 0;
  const char* step = "";
  check(processes::list({}, most, &rows, &unreadable, &step) == 0, "list");
  check(processes::list_socket_owners(most, &owners, &unreadable, &step) == 0, "owners");
  std::string text;
  std::vector<state::Directory> names;
  check(state::read({folder + "/from", "9", 0}, 1000, &text, &step) == 0, step);
  check(text.size() == 900, "state");
  std::vector<state::Failure> failures;
  const state::Location from = {folder + "/from", "", -1};
  check(state::names(from, "", 1000, &names, &step, &failures) == 0, step);
  check(names.size() == 1 && names[0].names.size() == 150 && failures.empty(), "names");
  names.clear();
  check(state::names({folder, "", -1}, "fro?", 1000, &names, &step, &failures) == 0, step);
  check(names.size() == 1 && names[0].path == "from" && failures.empty(), "below");
  check(names[0].names.size() == 150, "names below");
}

// As on the threads of libuv's pool, and on several that run JavaScript.
void ask() {
  procfs::Answer answer;
  check(procfs::look_at_path("/proc/self/status", true, true, &answer) == 0, "look");
  check(answer.by_thread == 1 && answer.path[0] == '/', "procfs");
  check(procfs::look_at_path("/etc/passwd", true, true, &answer) == 0, "look");
  check(answer.by_thread == 0, "no procfs");
  lookup::Addresses found = {};
  int error = 0;
  check(lookup::addresses("127.0.0.1", 0, 0, &found, &error) == 0, "addresses");
  check(found.count == 1 && strcmp(found.entries[0].text, "127.0.0.1") == 0, "address");
  lookup::free_addresses(&found);
  const int self = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
  killable_read::Text text;
  const int read = killable_read::read(self, "environ", 1 << 20, 60000, &text);
  check(read == 0 && text.length > 0, "environ");
  close(self);
}

struct Reading : public behind::Work {
  Reading() : Work(true) {}
  void run() override {
    usleep(1000);  // so that it is waited for
    length = folder.size();
  }
  size_t length = 0;
};

void wait_for_work() {
  auto* reading = new Reading;
  check(behind::run(reading, 60000) == 0 && reading->length == folder.size(), "work");
  delete reading;
}

struct Started {
  spawn::Request request = {};
  spawn::Result result;
  char name[8];
  char word[8];

  Started(const char* file, const char* argument, uint32_t flags) {
    snprintf(name, sizeof name, "program");
    snprintf(word, sizeof word, "%s", argument);
    spawn::join_nothing(&request.fixed);
    request.fixed.flags = flags;
    request.fixed.parent_signal = 9;
    request.stdio = {spawn::kNull, spawn::kPipe, spawn::kNull};
    request.file = file;
    request.argv = {nullptr, name, word, nullptr};
    request.envp = {nullptr};
    request.wait = 60000;
  }

  spawn::Process& child() { return result.launch.processes[result.launch.current]; }

  void Start() {
    const int error = spawn::start(&request, &result);
    errno = -error;
    check(error == 0, result.step);
    check(result.over, "launch");
    spawn::forget_forks(&result.launch);
  }

  void CloseAll() {
    for (int end : result.ends) {
      if (end >= 0) close(end);
    }
    if (result.launch.channel >= 0) close(result.launch.channel);
  }
};

void start(bool leave) {
  Started started("/bin/true", "", LAUNCH_DIE_WITH_PARENT);
  started.Start();
  started.CloseAll();
  if (leave) return reaper::leave(started.child().pidfd, started.result.keeper);
  int code = 0, signal = 0;
  check(spawn::wait_for(started.child().pidfd, &code, &signal) == 0, "wait");
  close(started.child().pidfd);
  keeper::end(started.result.keeper);
}

void wait() {
  Started started("/bin/cat", "-", LAUNCH_DIE_WITH_PARENT);
  const std::string text(200000, 'x');
  started.request.stdio = {spawn::kPipe, spawn::kPipe, spawn::kNull};
  spawn::Blocking options;
  options.input = text.data();
  options.input_length = text.size();
  options.timeout = 60000;
  options.kill_signal = 9;
  spawn::Outcome outcome;
  check(spawn::run_blocking(&started.request, options, &started.result, &outcome) == 0,
        started.result.step);
  check(outcome.error == 0 && outcome.ended && outcome.code == 0, "outcome");
  check(outcome.outputs[1] == text, "output");
}

void start_on_terminal() {
  Started started("/bin/echo", "words", LAUNCH_SETSID | LAUNCH_HAS_TERMINAL);
  started.request.stdio = {spawn::kNull, spawn::kNull, spawn::kNull};
  started.request.fixed.columns = 80, started.request.fixed.rows = 24;
  started.Start();
  const int terminal = started.result.launch.terminal;
  check(terminal >= 0, "terminal");
  int columns = 0, rows = 0;
  check(terminal::get_size(terminal, &columns, &rows) == 0 && columns == 80, "size");
  int code = 0, signal = 0;
  check(spawn::wait_for(started.child().pidfd, &code, &signal) == 0, "wait");
  char bytes[64] = {};
  const long length = terminal::read(terminal, bytes, sizeof bytes);
  check(length == 7 && strcmp(bytes, "words\r\n") == 0, "what it has written");
  started.CloseAll();
  spawn::forget_terminal(&started.result.launch);
  close(started.child().pidfd);
}

void run(void* data) {
  const auto* part = static_cast<const Part*>(data);
  switch (part->number % 6) {
    case 0:
      return copy(*part);
    case 1:
      return look();
    case 2:
      return wait();
    case 3:
      return start_on_terminal();
    case 4:
      ask();
      return wait_for_work();
    default:
      start(part->round % 2 == 0);
  }
}

}  // namespace

int main(int argc, char** argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 3;
  char path[] = "/tmp/linux-namespaces-threads-XXXXXX";
  check(mkdtemp(path) != nullptr, "mkdtemp");
  folder = path;
  mkdir((folder + "/from").c_str(), 0700);
  for (int i = 0; i < 150; i++) {
    FILE* file = fopen((folder + "/from/" + std::to_string(i)).c_str(), "w");
    for (int j = 0; j < i * 10; j++) fputs("0123456789", file);
    fclose(file);
  }
  const int failed = shared->Open(open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC),
                                  open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC));
  if (failed < 0) errno = -failed;
  check(failed >= 0, "open");
  for (int round = 0; round < rounds; round++) {
    std::vector<Part> parts(12);
    for (int i = 0; i < 12; i++) {
      parts[i].number = i;
      parts[i].round = round;
      uv_thread_create(&parts[i].thread, run, &parts[i]);
    }
    for (Part& part : parts) uv_thread_join(&part.thread);
  }
  const std::string command = "rm -rf " + folder;
  return system(command.c_str()) == 0 ? 0 : 2;
}
