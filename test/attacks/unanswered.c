/* A file system that takes every question and answers none: unanswered DIRECTORY [UID]. Who has
 * asked, and whose question has been read, cannot be killed any more (fs/fuse/dev.c,
 * request_wait_answer).
 */
#include <fcntl.h>
#include <linux/fuse.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

int main(int argc, char** argv) {
  static char question[1 << 17];
  char options[128];
  const int fuse = open("/dev/fuse", O_RDWR);
  if (argc < 2) return 2;
  const char* user = argc > 2 ? argv[2] : "0"; /* no other may ask */
  snprintf(options, sizeof options, "fd=%d,rootmode=40000,user_id=%s,group_id=0", fuse, user);
  if (mount("unanswered", argv[1], "fuse", 0, options) == -1) {
    perror("mount");
    return 1;
  }
  write(1, "ready\n", 6);
  for (;;) {
    if (read(fuse, question, sizeof question) <= 0) return 0;
    const struct fuse_in_header* head = (void*)question;
    if (head->opcode != FUSE_INIT) continue;
    struct {
      struct fuse_out_header head;
      struct fuse_init_out init;
    } answer = {{sizeof answer, 0, head->unique}, {FUSE_KERNEL_VERSION, 31}};
    answer.init.max_write = 4096;
    if (write(fuse, &answer, sizeof answer) == -1) return 1;
  }
}
