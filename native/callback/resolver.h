// Asks the C library's resolver for names and addresses, on the thread that calls it, and so in
// that thread's namespaces. Plain C++: knows nothing of JavaScript.
#pragma once
#include <netinet/in.h>

namespace lookup {

constexpr int kNameMost = 1025;   // NI_MAXHOST
constexpr int kServiceMost = 32;  // NI_MAXSERV

struct Addresses {
  struct Entry {
    int family;  // 4 or 6
    char text[INET6_ADDRSTRLEN];
  };
  Entry* entries;
  int count;
};

// Both return 0, an EAI_* number (negative), or for EAI_SYSTEM 1 with errno in *system.
int addresses(const char* host, int family, int hints, Addresses* found, int* system);
int service(const char* address, int port, char* host, char* service, int* system);
void free_addresses(Addresses* found);

}  // namespace lookup
