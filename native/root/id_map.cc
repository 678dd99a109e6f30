#include "root/id_map.h"

#include <errno.h>
#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace root {
namespace {

constexpr uint32_t kNobody = 65534;  // the kernel's default in /proc/sys/kernel/overflowuid

}  // namespace

int64_t Ids::Outside(uint32_t inside) const {
  if (ranges.empty()) return inside;
  for (const Range& range : ranges) {
    if (inside - range.inside < range.length) return range.outside + (inside - range.inside);
  }
  return -EINVAL;
}

uint32_t Ids::Inside(uint32_t outside) const {
  if (ranges.empty()) return outside;
  for (const Range& range : ranges) {
    if (outside - range.outside < range.length) return range.inside + (outside - range.outside);
  }
  return kNobody;
}

int64_t Ids::Maker() const {
  if (!IsMapped()) return maker;
  const int64_t root = Outside(0);
  if (root >= 0) return root;
  return maker >= 0 && Has(static_cast<uint32_t>(maker)) ? maker : ranges[0].outside;
}

bool Ids::Has(uint32_t outside) const {
  if (ranges.empty()) return true;
  for (const Range& range : ranges) {
    if (outside - range.outside < range.length) return true;
  }
  return false;
}

int keep_capabilities(bool all) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct sets[2];
  if (::syscall(SYS_capget, &header, sets) == -1) return -errno;
  for (auto& set : sets) set.effective = all ? set.permitted : 0;
  return ::syscall(SYS_capset, &header, sets) == -1 ? -errno : 0;
}

// Another fsuid than 0 takes the capabilities that have to do with files out of the effective set;
// the permitted one keeps them (capabilities(7)). All this is the thread's own.
void become(const Ids& users, const Ids& groups) {
  if (!users.IsForeign() && !groups.IsForeign()) return;
  const int64_t user = users.Maker();
  const int64_t group = groups.Maker();
  ::syscall(SYS_setgroups, 0, nullptr);  // ours are none of the container's
  ::syscall(SYS_setfsgid, static_cast<uint32_t>(group));
  ::syscall(SYS_setfsuid, static_cast<uint32_t>(user));
  keep_capabilities(true);
}

// Of an id that is none, these calls tell the present one and change nothing.
bool has_become(const Ids& users, const Ids& groups) {
  const auto user = static_cast<uint32_t>(::syscall(SYS_setfsuid, ~0u));
  const auto group = static_cast<uint32_t>(::syscall(SYS_setfsgid, ~0u));
  return user == static_cast<uint32_t>(users.Maker()) &&
         group == static_cast<uint32_t>(groups.Maker());
}

}  // namespace root
