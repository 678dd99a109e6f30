#include "child/failed_process.h"

namespace failed_process {
namespace {

constexpr unsigned kRemoving = 0x013400;  // 1.52.0
constexpr unsigned kKnown = 0x013401;     // 1.52.1

// struct uv__queue; in the headers of older versions two pointers.
struct Link {
  Link* next;
  Link* previous;
};

template <class Queue>
Link* link_of(Queue* queue) {
  static_assert(sizeof *queue == sizeof(Link), "a queue of libuv is two pointers");
  return reinterpret_cast<Link*>(queue);
}

}  // namespace

Fate fate() {
  const unsigned version = uv_version();
  if (version < kRemoving) return kStays;
  return version <= kKnown ? kRemoved : kUnknown;
}

void restore(uv_loop_t* loop) {
  uv_handle_t* handle = loop->closing_handles;
  if (fate() != kRemoved || handle == nullptr || handle->type != UV_PROCESS) return;
  Link* link = link_of(&handle->handle_queue);
  if (link->previous->next == link) return;
  Link* list = link_of(&loop->handle_queue);
  link->next = list;
  link->previous = list->previous;
  list->previous->next = link;
  list->previous = link;
}

}  // namespace failed_process
