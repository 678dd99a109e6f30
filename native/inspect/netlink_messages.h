// The messages in an answer of the kernel, and the attributes in one: netlink(7), rtnetlink(7).
// Nothing is read outside of the bytes that were given, whatever these say of their own length.
// Knows nothing of JavaScript.
#pragma once
#include <linux/netlink.h>

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace netlink {

// What each of them begins with: struct nlmsghdr.
struct Message {
  struct nlmsghdr header;
  const uint8_t* body;
  size_t size;  // of the body
};

class Messages {
 public:
  Messages(const uint8_t* bytes, size_t size) : at_(bytes), left_(size) {}

  bool next(Message* message) {
    if (left_ == 0) return false;
    if (left_ < sizeof message->header) return broken();
    memcpy(&message->header, at_, sizeof message->header);
    const size_t length = message->header.nlmsg_len;
    if (length < sizeof message->header || length > left_) return broken();
    message->body = at_ + sizeof message->header;
    message->size = length - sizeof message->header;
    const size_t step = NLMSG_ALIGN(length) < left_ ? NLMSG_ALIGN(length) : left_;
    at_ += step;
    left_ -= step;
    return true;
  }
  bool is_broken() const { return broken_; }  // it ended before the last message did

 private:
  bool broken() {
    broken_ = true;
    left_ = 0;
    return false;
  }

  const uint8_t* at_;
  size_t left_;
  bool broken_ = false;
};

// A field of `size` bytes at `offset`; false where the body is shorter.
inline bool field(const Message& message, size_t offset, void* value, size_t size) {
  if (message.size < size || offset > message.size - size) return false;
  memcpy(value, message.body + offset, size);
  return true;
}

// The first four bytes of the attribute of this type, after a struct of `start` bytes.
inline bool attribute(const Message& message, size_t start, int type, void* value) {
  for (size_t at = NLMSG_ALIGN(start); at < message.size;) {
    struct nlattr header;
    if (!field(message, at, &header, sizeof header)) return false;
    if (header.nla_len < sizeof header || header.nla_len > message.size - at) return false;
    const bool found = (header.nla_type & NLA_TYPE_MASK) == type;
    if (found && header.nla_len >= sizeof header + 4) {
      return field(message, at + sizeof header, value, 4);
    }
    at += NLMSG_ALIGN(static_cast<size_t>(header.nla_len));
  }
  return false;
}

}  // namespace netlink
