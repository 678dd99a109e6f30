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

// The ids of a user namespace as ours sees them. Without ranges: it is ours.
struct Ids {
  std::vector<Range> ranges;
  int64_t Outside(uint32_t inside) const;  // -EINVAL: there is no such id inside
  uint32_t Inside(uint32_t outside) const;
};

// What the calling thread makes from now on belongs to the container's id 0, where there is one.
void become(const Ids& users, const Ids& groups);

}  // namespace root
