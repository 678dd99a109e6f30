// What the addon does on several threads at once, without Node, for ThreadSanitizer: threads
// ROUNDS. Copies of one root that are looked at and cancelled meanwhile, scans of /proc, children
// that end with the thread that started them. Needs root.
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

#include "internal.h"  // spawn.h with it: that name is the C library's
#include "keeper.h"
#include "namespace_scan.h"
#include "operation.h"
#include "processes.h"

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
  scan::Result result;
  scan::run({-1, true}, &result);
  check(!result.namespaces.empty(), "scan");
  std::vector<processes::Row> rows;
  const char* step = "";
  check(processes::list({}, &rows, &step) == 0, "list");
}

void start(bool leave) {
  spawn::Request request = {};
  for (int& fd : request.fixed.joins) fd = -1;
  for (int& fd : request.fixed.cgroups) fd = -1;
  request.fixed.root = -1;
  request.fixed.flags = LAUNCH_DIE_WITH_PARENT;
  request.stdio = {spawn::kNull, spawn::kPipe, spawn::kNull};
  request.file = "/bin/true";
  char name[] = "true";
  request.argv = {nullptr, name, nullptr};
  request.envp = {nullptr};
  request.wait = 5000;
  spawn::Result result;
  check(spawn::start(&request, &result) == 0, result.step);
  for (int end : result.ends) {
    if (end >= 0) close(end);
  }
  if (result.channel >= 0) close(result.channel);
  if (leave) {
    keeper::leave_to_reaper(result.pidfd, result.keeper);
  } else {
    spawn::reap(result.pidfd);
    keeper::end(result.keeper);
  }
}

void run(void* data) {
  const auto* part = static_cast<const Part*>(data);
  switch (part->number % 3) {
    case 0:
      return copy(*part);
    case 1:
      return look();
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
    std::vector<Part> parts(6);
    for (int i = 0; i < 6; i++) {
      parts[i].number = i;
      parts[i].round = round;
      uv_thread_create(&parts[i].thread, run, &parts[i]);
    }
    for (Part& part : parts) uv_thread_join(&part.thread);
  }
  const std::string command = "rm -rf " + folder;
  return system(command.c_str()) == 0 ? 0 : 2;
}
