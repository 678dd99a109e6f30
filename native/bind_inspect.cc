// JavaScript to scan.h, processes.h, users.h, directory.h and netlink.h. Long lists go over as a
// few flat arrays and one text, so that taking them over holds up nobody; binding.ts says what is
// in them.
#include <string>
#include <vector>

#include "bind.h"
#include "directory.h"
#include "job.h"
#include "netlink.h"
#include "processes.h"
#include "scan.h"
#include "sys.h"
#include "users.h"
#include "values.h"

namespace js {
namespace {

void Add(std::string* texts, const std::string& text) {
  texts->append(text);
  texts->push_back('\0');
}

// What all of them answer: `error` and `step`, and what was put together on the thread.
class Look : public Job {
 protected:
  void Run() override { error_ = Find(); }
  virtual int Find() = 0;
  virtual void Fill(napi_env env, napi_value answer) = 0;

  napi_value Refused(napi_env env, int error) override {
    error_ = error;
    step_ = "clone";
    return Result(env);
  }

  napi_value Result(napi_env env) override {
    napi_value answer = NewObject(env);
    Set(env, answer, "error", FromInt(env, error_));
    Set(env, answer, "step", FromText(env, step_));
    Fill(env, answer);
    return answer;
  }

  int error_ = 0;
  const char* step_ = "";
};

// scanNamespaces(types, holders)
class Scan : public Look {
 public:
  Scan(napi_env env, napi_callback_info info) {
    const Arguments<2> given(env, info);
    options_ = {Int(env, given[0]), Bool(env, given[1])};
  }

 protected:
  int Find() override {
    scan::Result result;
    const int failed = scan::run(options_, &result);
    step_ = result.step;
    unreadable_ = result.unreadable;
    double index = 0;
    std::string paths;
    for (const scan::Namespace& row : result.namespaces) {
      ids_.push_back(row.id);
      for (const double number :
           {double(row.type), double(row.inode), double(row.owner), double(row.owner_uid),
            double(row.parent), double(row.network), double(row.processes), double(row.first.pid),
            double(row.first.ppid), double(row.first.uid)}) {
        rows_.push_back(number);
      }
      Add(&texts_, row.first.command);
      for (const scan::Mount& mount : row.mounts) {
        mounts_.push_back(index);
        mounts_.push_back(static_cast<double>(mount.inside));
        Add(&paths, mount.path);
      }
      for (const scan::Holder& holder : row.holders) {
        for (const double number :
             {index, double(holder.by), double(holder.pid), double(holder.number)}) {
          holders_.push_back(number);
        }
      }
      index++;
    }
    texts_ += paths;
    return failed;
  }

  void Fill(napi_env env, napi_value answer) override {
    Set(env, answer, "unreadable", FromInt(env, unreadable_));
    Set(env, answer, "rows", FromArray(env, napi_float64_array, rows_));
    Set(env, answer, "ids", FromArray(env, napi_biguint64_array, ids_));
    Set(env, answer, "mounts", FromArray(env, napi_float64_array, mounts_));
    Set(env, answer, "holders", FromArray(env, napi_float64_array, holders_));
    Set(env, answer, "texts", FromText(env, texts_));
  }

 private:
  scan::Options options_;
  int unreadable_ = 0;
  std::vector<double> rows_;
  std::vector<uint64_t> ids_;
  std::vector<double> mounts_;
  std::vector<double> holders_;
  std::string texts_;
};

// listProcesses(pids): all of them without any.
class Processes : public Look {
 public:
  Processes(napi_env env, napi_callback_info info) {
    const Arguments<1> given(env, info);
    pids_ = ToVector<int>(env, given[0]);
  }

 protected:
  int Find() override {
    std::vector<processes::Row> rows;
    const int failed = processes::list(pids_, &rows, &step_);
    for (const processes::Row& row : rows) {
      for (const double number : {double(row.process.pid), double(row.process.ppid),
                                  double(row.process.uid), row.start}) {
        rows_.push_back(number);
      }
      for (const uint64_t inode : row.namespaces) rows_.push_back(static_cast<double>(inode));
      Add(&texts_, row.process.command);
      Add(&texts_, row.process.pids);
      Add(&texts_, row.cgroup);
    }
    return failed;
  }

  void Fill(napi_env env, napi_value answer) override {
    Set(env, answer, "rows", FromArray(env, napi_float64_array, rows_));
    Set(env, answer, "texts", FromText(env, texts_));
  }

 private:
  std::vector<int> pids_;
  std::vector<double> rows_;
  std::string texts_;
};

// listSocketOwners()
class Owners : public Look {
 public:
  Owners(napi_env, napi_callback_info) {}

 protected:
  int Find() override {
    std::vector<processes::Owner> owners;
    const int failed = processes::list_socket_owners(&owners, &step_);
    for (const processes::Owner& owner : owners) {
      rows_.push_back(static_cast<double>(owner.socket));
      rows_.push_back(owner.pid);
      rows_.push_back(owner.fd);
    }
    return failed;
  }

  void Fill(napi_env env, napi_value answer) override {
    Set(env, answer, "rows", FromArray(env, napi_float64_array, rows_));
  }

 private:
  std::vector<double> rows_;
};

// userNames(uids)
class Users : public Look {
 public:
  Users(napi_env env, napi_callback_info info) {
    const Arguments<1> given(env, info);
    uids_ = ToVector<uint32_t>(env, given[0]);
  }

 protected:
  int Find() override {
    for (const uint32_t uid : uids_) Add(&texts_, users::name_of(uid));
    return 0;
  }

  void Fill(napi_env env, napi_value answer) override {
    Set(env, answer, "texts", FromText(env, texts_));
  }

 private:
  std::vector<uint32_t> uids_;
  std::string texts_;
};

// directoryNames(path, most). Node's own opendir() loses the directory when the Worker that asked
// for it is terminated meanwhile; this one is closed where it was opened.
class Names : public Look {
 public:
  Names(napi_env env, napi_callback_info info) {
    const Arguments<2> given(env, info);
    path_ = Text(env, given[0]);
    most_ = Int(env, given[1]);
  }

 protected:
  int Find() override {
    std::vector<std::string> names;
    const int failed = directory::names_in(path_, most_, &names, &step_);
    for (const std::string& name : names) Add(&texts_, name);
    return failed;
  }

  void Fill(napi_env env, napi_value answer) override {
    Set(env, answer, "texts", FromText(env, texts_));
  }

 private:
  std::string path_;
  int most_;
  std::string texts_;
};

// netlinkDump(net, protocols, messages). The fd is duplicated here: whoever gave it may be gone,
// and the number another's, when the thread comes to it.
class Dump : public Look {
 public:
  Dump(napi_env env, napi_callback_info info) {
    const Arguments<3> given(env, info);
    net_ = sys::dup(Int(env, given[0]));
    const std::vector<int> protocols = ToVector<int>(env, given[1]);
    for (uint32_t i = 0; i < protocols.size(); i++) {
      napi_value message = nullptr;
      napi_get_element(env, given[2], i, &message);
      requests_.push_back({protocols[i], ToVector<uint8_t>(env, message), {}});
    }
  }
  ~Dump() override {
    if (net_ >= 0) sys::close(net_);
  }

 protected:
  int Find() override {
    step_ = "fcntl";
    return net_ < 0 ? net_ : netlink::dump(net_, &requests_, &step_);
  }

  void Fill(napi_env env, napi_value answer) override {
    napi_value answers = NewArray(env);
    for (uint32_t i = 0; i < requests_.size(); i++) {
      Set(env, answers, i, FromArray(env, napi_uint8_array, requests_[i].answer));
    }
    Set(env, answer, "answers", answers);
  }

 private:
  int net_;
  std::vector<netlink::Request> requests_;
};

}  // namespace

void Inspect(napi_env env, napi_value exports) {
  Export(env, exports, "scanNamespaces", Begin<Scan>);
  Export(env, exports, "listProcesses", Begin<Processes>);
  Export(env, exports, "listSocketOwners", Begin<Owners>);
  Export(env, exports, "userNames", Begin<Users>);
  Export(env, exports, "directoryNames", Begin<Names>);
  Export(env, exports, "netlinkDump", Begin<Dump>);
}

}  // namespace js
