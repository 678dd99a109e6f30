// Root of a user namespace of its own, with CAP_NET_ADMIN in its own network: answers in the
// kernel's place to whoever asks for sockets there. spoof PORTS HOW: that many sockets to be
// listed; HOW is 1 for answers of sockets that there are not, 2 for messages that are shorter than
// they say.
#define _GNU_SOURCE
#include <fcntl.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static char message[32000];

int main(int count, char** args) {
  const int ports = atoi(args[1]);
  const int is_short = atoi(args[2]) == 2;
  struct rlimit files = {4096, 4096};
  setrlimit(RLIMIT_NOFILE, &files);
  for (int i = 0; i < ports; i++) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(2000 + i)};
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(udp, (void*)&address, sizeof address)) return perror("bind"), 1;
  }
  int sock = socket(AF_NETLINK, SOCK_RAW | SOCK_NONBLOCK, NETLINK_SOCK_DIAG);
  struct sockaddr_nl own = {.nl_family = AF_NETLINK};
  socklen_t length = sizeof own;
  bind(sock, (void*)&own, sizeof own);
  getsockname(sock, (void*)&own, &length);
  for (int at = 0; at + 88 <= (int)sizeof message; at += 88) {
    struct nlmsghdr* header = (void*)(message + at);
    header->nlmsg_len = is_short ? 20 : 88;
    header->nlmsg_type = 20;  // SOCK_DIAG_BY_FAMILY
    header->nlmsg_flags = NLM_F_MULTI;
    message[at + 16] = 2;
    message[at + 17] = 10;
    message[at + 20] = 0xde;  // port 57005
    message[at + 21] = 0xad;
  }
  const size_t size = is_short ? 20 : sizeof message / 88 * 88;
  puts("ready");
  fflush(stdout);
  unsigned known = 0;
  for (;;) {
    static char text[65536];
    int table = open("/proc/net/netlink", O_RDONLY);
    long got = read(table, text, sizeof text - 1);
    close(table);
    text[got > 0 ? got : 0] = 0;
    for (char* line = strchr(text, '\n'); line && line[1]; line = strchr(line + 1, '\n')) {
      unsigned protocol, port;
      if (sscanf(line + 1, "%*s %u %u", &protocol, &port) != 2) continue;
      if (protocol == NETLINK_SOCK_DIAG && port != own.nl_pid && port != 0) known = port;
    }
    struct sockaddr_nl to = {.nl_family = AF_NETLINK, .nl_pid = known};
    for (int i = 0; known && i < 30; i++) {
      for (size_t at = 0; at < size; at += 88) {
        struct nlmsghdr* header = (void*)(message + at);
        header->nlmsg_pid = known;
        header->nlmsg_seq = i % 3;
      }
      sendto(sock, message, size, 0, (void*)&to, sizeof to);
    }
  }
}
