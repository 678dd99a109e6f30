// JavaScript to namespace_scan.h, processes.h, process_files.h, users.h and netlink.h. Long lists
// go over as a few flat arrays and one text, so that taking them over holds up nobody; binding.ts
// says what is in them.
#include <errno.h>

#include <string>
#include <utility>
#include <vector>

#include "base/namespaces.h"
#include "base/users.h"
#include "inspect/limits.h"
#include "inspect/namespace_scan.h"
#include "inspect/netlink.h"
#include "inspect/process_files.h"
#include "inspect/processes.h"
#include "napi/exports.h"
#include "napi/look.h"
#include "napi/values.h"

namespace js {
namespace {

// lookingLimits() of src/base/limits.ts
limits::Limits ToLimits(napi_env env, napi_value array) {
  std::vector<double> given = ToVector<double>(env, array);
  given.resize(9);
  const auto number = [&](int i) { return static_cast<int64_t>(given[i]); };
  return {number(0),
          number(1),
          number(2),
          number(3),
          number(4),
          number(5),
          static_cast<int>(given[6]),
          {static_cast<size_t>(given[7]), static_cast<int>(given[8])}};
}

// scanNamespaces(types, holders, limits)
class Scan : public Look {
 public:
  Scan(napi_env env, napi_callback_info info) {
    const Arguments<3> given(env, info);
    options_ = {Int(env, given[0]), Bool(env, given[1]), ToLimits(env, given[2])};
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
    Put(env, answer, "rows", FromArray(env, napi_float64_array, rows_));
    Put(env, answer, "ids", FromArray(env, napi_biguint64_array, ids_));
    Put(env, answer, "mounts", FromArray(env, napi_float64_array, mounts_));
    Put(env, answer, "holders", FromArray(env, napi_float64_array, holders_));
    Put(env, answer, "texts", FromText(env, texts_));
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

// listProcesses(pids, limits): all of them without any.
class Processes : public Look {
 public:
  Processes(napi_env env, napi_callback_info info) {
    const Arguments<2> given(env, info);
    pids_ = ToVector<int>(env, given[0]);
    limits_ = ToLimits(env, given[1]);
  }

 protected:
  int Find() override {
    std::vector<processes::Row> rows;
    const int failed = processes::list(std::move(pids_), limits_, &rows, &unreadable_, &step_);
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
    Set(env, answer, "unreadable", FromInt(env, unreadable_));
    Put(env, answer, "rows", FromArray(env, napi_float64_array, rows_));
    Put(env, answer, "texts", FromText(env, texts_));
  }

 private:
  std::vector<int> pids_;
  limits::Limits limits_;
  int unreadable_ = 0;
  std::vector<double> rows_;
  std::string texts_;
};

// readProcesses(pids, names, limits)
class ProcessFiles : public Look {
 public:
  ProcessFiles(napi_env env, napi_callback_info info) {
    const Arguments<3> given(env, info);
    pids_ = ToVector<int>(env, given[0]);
    names_ = Texts(env, given[1]);
    limits_ = ToLimits(env, given[2]);
  }

 protected:
  int Find() override {
    std::vector<std::vector<process_files::Text>> all;
    const int failed = process_files::read(std::move(pids_), names_, limits_, &all, &step_);
    for (const auto& of : all) {
      for (const process_files::Text& one : of) {
        errors_.push_back(one.error);
        Add(&texts_, one.text);
      }
    }
    return failed;
  }

  void Fill(napi_env env, napi_value answer) override {
    Put(env, answer, "errors", FromArray(env, napi_int32_array, errors_));
    Put(env, answer, "texts", FromText(env, texts_));
  }

 private:
  std::vector<int> pids_;
  std::vector<std::string> names_;
  limits::Limits limits_;
  std::vector<int32_t> errors_;
  std::string texts_;
};

// listSocketOwners(limits)
class Owners : public Look {
 public:
  Owners(napi_env env, napi_callback_info info) {
    const Arguments<1> given(env, info);
    limits_ = ToLimits(env, given[0]);
  }

 protected:
  int Find() override {
    std::vector<processes::Owner> owners;
    const int failed = processes::list_socket_owners(limits_, &owners, &unreadable_, &step_);
    for (const processes::Owner& owner : owners) {
      rows_.push_back(static_cast<double>(owner.socket));
      rows_.push_back(owner.pid);
      rows_.push_back(owner.fd);
    }
    return failed;
  }

  void Fill(napi_env env, napi_value answer) override {
    Set(env, answer, "unreadable", FromInt(env, unreadable_));
    Put(env, answer, "rows", FromArray(env, napi_float64_array, rows_));
  }

 private:
  limits::Limits limits_;
  int unreadable_ = 0;
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
    Put(env, answer, "texts", FromText(env, texts_));
  }

 private:
  std::vector<uint32_t> uids_;
  std::string texts_;
};

// idOf(name, group)
class Id : public Look {
 public:
  Id(napi_env env, napi_callback_info info) {
    const Arguments<2> given(env, info);
    name_ = Text(env, given[0]);
    group_ = Bool(env, given[1]);
  }

 protected:
  int Find() override {
    id_ = group_ ? users::gid_of(name_) : users::uid_of(name_);
    return 0;
  }

  void Fill(napi_env env, napi_value answer) override {
    Put(env, answer, "id", FromDouble(env, static_cast<double>(id_)));
  }

 private:
  std::string name_;
  bool group_ = false;
  int64_t id_ = -1;
};

// netlinkDump(net, protocols, messages, limits). The fd is duplicated here: whoever gave it may be
// gone, and the number another's, when the thread comes to it.
class Dump : public Look {
 public:
  Dump(napi_env env, napi_callback_info info) {
    const Arguments<4> given(env, info);
    limits_ = ToLimits(env, given[3]).network;
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
    return net_ < 0 ? net_ : netlink::dump(net_, &requests_, limits_, &step_);
  }

  void Fill(napi_env env, napi_value answer) override {
    napi_value answers = NewArray(env);
    for (uint32_t i = 0; i < requests_.size(); i++) {
      napi_value bytes = FromArray(env, napi_uint8_array, requests_[i].answer);
      if (bytes == nullptr) error_ = -ENOMEM;
      Set(env, answers, i, bytes);
    }
    Set(env, answer, "answers", answers);
  }

 private:
  int net_;
  netlink::Limits limits_;
  std::vector<netlink::Request> requests_;
};

}  // namespace

void ExportInspect(napi_env env, napi_value exports) {
  Export(env, exports, "scanNamespaces", Begin<Scan>);
  Export(env, exports, "listProcesses", Begin<Processes>);
  Export(env, exports, "readProcesses", Begin<ProcessFiles>);
  Export(env, exports, "listSocketOwners", Begin<Owners>);
  Export(env, exports, "userNames", Begin<Users>);
  Export(env, exports, "idOf", Begin<Id>);
  Export(env, exports, "netlinkDump", Begin<Dump>);
}

}  // namespace js
