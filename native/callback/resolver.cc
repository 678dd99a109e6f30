#include "callback/resolver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>

namespace lookup {

int addresses(const char* host, int family, int hints, Addresses* found, int* system) {
  struct addrinfo wanted = {};
  wanted.ai_family = family == 4 ? AF_INET : family == 6 ? AF_INET6 : AF_UNSPEC;
  wanted.ai_socktype = SOCK_STREAM;  // one row an address, as Node asks
  wanted.ai_flags = hints;
  struct addrinfo* list = nullptr;
  const int failed = ::getaddrinfo(host, nullptr, &wanted, &list);
  if (failed == EAI_SYSTEM) *system = errno;
  if (failed != 0) return failed == EAI_SYSTEM ? 1 : failed;
  int count = 0;
  for (struct addrinfo* row = list; row != nullptr; row = row->ai_next) count++;
  found->entries = static_cast<Addresses::Entry*>(calloc(count, sizeof(Addresses::Entry)));
  found->count = 0;
  for (struct addrinfo* row = list; row != nullptr && found->entries != nullptr;
       row = row->ai_next) {
    Addresses::Entry* entry = &found->entries[found->count];
    const void* address = nullptr;
    if (row->ai_family == AF_INET) {
      entry->family = 4;
      address = &reinterpret_cast<struct sockaddr_in*>(row->ai_addr)->sin_addr;
    } else if (row->ai_family == AF_INET6) {
      entry->family = 6;
      address = &reinterpret_cast<struct sockaddr_in6*>(row->ai_addr)->sin6_addr;
    } else {
      continue;
    }
    if (inet_ntop(row->ai_family, address, entry->text, sizeof entry->text)) found->count++;
  }
  freeaddrinfo(list);
  return found->entries == nullptr ? EAI_MEMORY : 0;
}

int service(const char* address, int port, char* host, char* service, int* system) {
  struct sockaddr_storage storage = {};
  socklen_t length = 0;
  auto* four = reinterpret_cast<struct sockaddr_in*>(&storage);
  auto* six = reinterpret_cast<struct sockaddr_in6*>(&storage);
  if (inet_pton(AF_INET, address, &four->sin_addr) == 1) {
    four->sin_family = AF_INET;
    four->sin_port = htons(port);
    length = sizeof *four;
  } else if (inet_pton(AF_INET6, address, &six->sin6_addr) == 1) {
    six->sin6_family = AF_INET6;
    six->sin6_port = htons(port);
    length = sizeof *six;
  } else {
    return EAI_NONAME;
  }
  const int failed = ::getnameinfo(reinterpret_cast<struct sockaddr*>(&storage), length, host,
                                   kNameMost, service, kServiceMost, NI_NAMEREQD);
  if (failed == EAI_SYSTEM) *system = errno;
  return failed == EAI_SYSTEM ? 1 : failed;
}

void free_addresses(Addresses* found) {
  free(found->entries);
  found->entries = nullptr;
  found->count = 0;
}

}  // namespace lookup
