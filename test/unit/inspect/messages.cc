// Reads messages of every length, and with every length in them, from memory that ends right behind
// them. With a sanitizer: whatever is read outside ends the program.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "inspect/netlink_messages.h"

static size_t messages_in(const unsigned char* from, size_t size) {
  auto* bytes = static_cast<unsigned char*>(malloc(size == 0 ? 1 : size));
  memcpy(bytes, from, size);
  netlink::Messages messages(bytes, size);
  netlink::Message message;
  size_t count = 0;
  while (messages.next(&message)) {
    unsigned char sum = 0;
    for (size_t i = 0; i < message.size; i++) sum += message.body[i];
    unsigned value = sum;
    for (int type = 0; type < 4; type++) netlink::attribute(message, 4, type, &value);
    netlink::field(message, message.size, &value, sizeof value);
    netlink::field(message, ~size_t{0}, &value, sizeof value);
    count++;
  }
  free(bytes);
  return count;
}

int main() {
  unsigned char bytes[64] = {};
  const unsigned lengths[] = {0, 1, 15, 16, 17, 18, 19, 20, 21, 31, 32, 33, 64, 65, ~0U};
  for (size_t size = 0; size <= sizeof bytes; size++) {
    for (unsigned first : lengths) {
      for (unsigned second : lengths) {
        memcpy(bytes, &first, sizeof first);
        memcpy(bytes + 20, &second, sizeof second);
        memcpy(bytes + 32, &second, sizeof second);
        messages_in(bytes, size);
      }
    }
  }
  // One of 17 bytes, and nothing behind it to make it whole.
  const unsigned odd = 17;
  memcpy(bytes, &odd, sizeof odd);
  return messages_in(bytes, 17) == 1 && messages_in(bytes, 16) == 0 ? puts("held"), 0 : 1;
}
