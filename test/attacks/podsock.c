// What a user without privileges puts in the place of his podman.sock: its answer comes with a
// descriptor whose last close waits for SECONDS, in the thread of whoever reads it: a full TCP
// connection with SO_LINGER. podsock PATH SECONDS
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

int main(int count, char** args) {
  signal(SIGCHLD, SIG_IGN);
  signal(SIGPIPE, SIG_IGN);
  int listening = socket(AF_UNIX, SOCK_STREAM, 0);
  struct sockaddr_un address = {.sun_family = AF_UNIX};
  strcpy(address.sun_path, args[1]);
  unlink(args[1]);
  if (bind(listening, (void*)&address, sizeof address)) return perror("bind"), 1;
  chmod(args[1], 0666);
  listen(listening, 5);
  puts("ready");
  fflush(stdout);
  for (;;) {
    static char request[4096], zeros[65536];
    int client = accept(listening, 0, 0);
    read(client, request, sizeof request);
    int server = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in here = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t length = sizeof here;
    bind(server, (void*)&here, length);
    listen(server, 1);
    getsockname(server, (void*)&here, &length);
    int full = socket(AF_INET, SOCK_STREAM, 0);
    connect(full, (void*)&here, length);
    int peer = accept(server, 0, 0);
    fcntl(full, F_SETFL, O_NONBLOCK);
    for (int quiet = 0; quiet < 10;) {
      if (write(full, zeros, sizeof zeros) > 0) {
        quiet = 0;
      } else {
        quiet++;
        usleep(5000);
      }
    }
    fcntl(full, F_SETFL, 0);
    struct linger linger = {1, atoi(args[2])};
    setsockopt(full, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    char* text = "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\n\r\n[";
    struct iovec part = {text, strlen(text)};
    union {
      char bytes[CMSG_SPACE(sizeof(int))];
      struct cmsghdr header;
    } control = {0};
    struct msghdr message = {.msg_iov = &part,
                             .msg_iovlen = 1,
                             .msg_control = &control,
                             .msg_controllen = sizeof control};
    struct cmsghdr* header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(sizeof(int));
    memcpy(CMSG_DATA(header), &full, sizeof full);
    if (fork() == 0) {
      close(peer);
      close(server);
      usleep(100000);
      sendmsg(client, &message, 0);
      _exit(0);
    }
    close(full);
    close(client);
  }
}
