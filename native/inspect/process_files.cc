#include "inspect/process_files.h"

#include <errno.h>
#include <unistd.h>

#include <utility>

#include "base/fd.h"
#include "base/namespaces.h"
#include "inspect/proc.h"
#include "inspect/scan_threads.h"

namespace process_files {
namespace {

// Bytes: of a cgroup there is a line for each hierarchy, with a path.
constexpr size_t kMost = 64 << 10;

int read_owners(int directory, std::string* text) {
  sys::Fd space(proc::open_link(directory, "ns/user"));
  if (!space.IsOpen()) return space.Get();
  do {
    uint32_t uid = 0;
    const int failed = sys::get_owner_uid(space.Get(), &uid);
    if (failed < 0) return failed;
    *text += std::to_string(uid) + " ";
    space.Reset(sys::get_parent(space.Get()));
  } while (space.IsOpen());
  return 0;
}

int read_text(int directory, const std::string& name, std::string* text) {
  if (name == "owners") return read_owners(directory, text);
  char target[4096];
  const long length = ::readlinkat(directory, name.c_str(), target, sizeof target);
  if (length > 0) text->assign(target, static_cast<size_t>(length));
  if (length == 0) return -EACCES;  // so says Linux 5.10 that it may not be read
  if (length == -1 && errno != EINVAL) return -errno;
  return length > 0 ? 0 : proc::read_file(directory, name.c_str(), kMost, text);
}

struct Row {
  size_t index;
  std::vector<Text> texts;
};

class Reader : public crew::Part {
 public:
  Reader(const std::vector<int>& pids, const std::vector<std::string>& names)
      : pids_(pids), names_(names) {}

  int begin() override { return proc_.IsOpen() ? 0 : proc_.Get(); }

  // None of it is memory of the process, so there is nothing to be careful of.
  int look(size_t index, crew::Care care) override {
    step = "read";
    Row row = {index, std::vector<Text>(names_.size(), {-ETIMEDOUT, {}})};
    const int directory = care == crew::kNot ? -1 : proc::open_process(proc_.Get(), pids_[index]);
    const sys::Fd held(directory);
    for (size_t i = 0; i < names_.size() && care != crew::kNot; i++) {
      Text* text = &row.texts[i];
      text->error = directory < 0 ? directory : read_text(directory, names_[i], &text->text);
    }
    rows.push_back(std::move(row));
    return 0;
  }

  std::vector<Row> rows;

 private:
  const std::vector<int>& pids_;
  const std::vector<std::string>& names_;
  const sys::Fd proc_{proc::open()};
};

struct Reading : public crew::Work {
  Reading(std::vector<int> all, const std::vector<std::string>& wanted)
      : crew::Work(std::move(all)), names(wanted), texts(pids.size()) {}
  crew::Part* part() override { return new Reader(pids, names); }
  void take(crew::Part* part) override {
    for (Row& row : static_cast<Reader*>(part)->rows) texts[row.index] = std::move(row.texts);
  }

  const std::vector<std::string> names;
  std::vector<std::vector<Text>> texts;
};

}  // namespace

int read(std::vector<int> pids, const std::vector<std::string>& names, const limits::Limits& limits,
         std::vector<std::vector<Text>>* texts, const char** step) {
  auto* work = new Reading(std::move(pids), names);
  const int failed = crew::run(work, 1, limits.timeout, step);
  if (failed == 0) *texts = std::move(work->texts);
  crew::release(work);
  return failed;
}

}  // namespace process_files
