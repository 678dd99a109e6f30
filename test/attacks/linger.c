/* A program that hands its reader an fd whose close() takes as long as it likes: a TCP connection
 * that is full, with SO_LINGER. linger SECONDS FD RESULT: over this file of its own; writes into
 * the file RESULT what became of it, when nobody but the reader has it any more. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char** argv) {
  if (argc < 4) return 2;
  const int out = atoi(argv[2]);
  const int listener = socket(AF_INET, SOCK_STREAM, 0);
  struct sockaddr_in name = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
  socklen_t size = sizeof name;
  if (bind(listener, (void*)&name, size) || listen(listener, 1)) return 3;
  getsockname(listener, (void*)&name, &size);
  const int full = socket(AF_INET, SOCK_STREAM, 0);
  if (connect(full, (void*)&name, size)) return 4;
  const int peer = accept(listener, 0, 0);
  static char bytes[65536];
  fcntl(full, F_SETFL, O_NONBLOCK);
  for (int quiet = 0; quiet < 20;) {
    if (write(full, bytes, sizeof bytes) > 0) {
      quiet = 0;
    } else {
      quiet++;
      usleep(5000);
    }
  }
  fcntl(full, F_SETFL, 0);
  const struct linger linger = {1, atoi(argv[1])};
  setsockopt(full, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
  struct iovec part = {"x", 1};
  union {
    char bytes[CMSG_SPACE(sizeof(int))];
    struct cmsghdr header;
  } control = {0};
  struct msghdr message = {
      .msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
  struct cmsghdr* header = CMSG_FIRSTHDR(&message);
  header->cmsg_level = SOL_SOCKET;
  header->cmsg_type = SCM_RIGHTS;
  header->cmsg_len = CMSG_LEN(sizeof(int));
  memcpy(CMSG_DATA(header), &full, sizeof full);
  /* The last one to close it has to be the reader: the sender ends, and this one has closed it. */
  int go[2];
  if (pipe(go)) return 5;
  const pid_t sender = fork();
  if (sender == 0) {
    char byte;
    close(peer);
    close(go[1]);
    read(go[0], &byte, 1);
    _exit(sendmsg(out, &message, MSG_NOSIGNAL) < 0 ? errno : 0);
  }
  close(full);
  close(go[1]);
  int status = 0;
  waitpid(sender, &status, 0);
  char part_of[256];
  snprintf(part_of, sizeof part_of, "%s.part", argv[3]);
  FILE* result = fopen(part_of, "w");
  if (result == 0) return 6;
  fprintf(result, "%s", status == 0 ? "passed" : strerror(WEXITSTATUS(status)));
  fclose(result);
  rename(part_of, argv[3]);
  sleep(atoi(argv[1]) + 2);
  return 0;
}
