// The ids of a container's user namespace, and ours for the same. Knows nothing of JavaScript.
#pragma once
#include <cstdint>
#include <vector>

namespace root {

// user_namespaces(7): of `length` ids from `inside` on, those outside.
struct Range {
  uint32_t inside;
  uint32_t outside;
  uint32_t length;
};

// The ids of a user namespace as ours sees them. Without ranges: it is ours. With one of no length:
// it has none, or they are unknown.
struct Ids {
  std::vector<Range> ranges;
  int64_t maker = -1;  // the process's own id, outside; -1: unknown
  bool IsMapped() const { return !ranges.empty() && ranges[0].length != 0; }
  // Is it for certain not ours, also where it has no id at all (nobody has written a map)?
  bool IsForeign() const { return IsMapped() || (!ranges.empty() && maker >= 0); }
  // Where IsForeign(): who makes new files. The id 0 inside; where there is none, as in Flatpak,
  // the process's own; where that is unknown inside, too, the first that is known.
  int64_t Maker() const;
  int64_t Outside(uint32_t inside) const;  // -EINVAL: there is no such id inside
  uint32_t Inside(uint32_t outside) const;
  bool Has(uint32_t outside) const;  // is it one of those that are known inside?
};

// The calling thread has our capabilities from now on, or none: those over a file whose ids are not
// the container's. 0, or -errno.
int keep_capabilities(bool all);

// What the calling thread makes from now on belongs to the container's id 0; where there is none,
// to the process that the container is known by. Nothing, where the ids are ours or unknown.
void become(const Ids& users, const Ids& groups);

// Is that so? Without CAP_SETUID and CAP_SETGID we stay who we are: of root's files the owner.
bool has_become(const Ids& users, const Ids& groups);

}  // namespace root
