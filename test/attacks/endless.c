// A FUSE with a directory `sub` that never ends (of short names), as its root (of long ones):
// endless FD, where FD is an open /dev/fuse that is mounted. None of the names is there when it is
// asked for.
#include <errno.h>
#include <linux/fuse.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char request[1 << 18];
static char answer[1 << 18];
static int fuse;

static void reply(int error, const void* data, size_t length) {
  const struct fuse_in_header* in = (void*)request;
  struct fuse_out_header* out = (void*)answer;
  if (in->opcode == FUSE_FORGET || in->opcode == FUSE_BATCH_FORGET) return;
  out->error = -error;
  out->unique = in->unique;
  out->len = (unsigned)(sizeof *out + length);
  if (data != answer + sizeof *out) memcpy(answer + sizeof *out, data, length);
  if (write(fuse, answer, out->len) == -1 && errno == ENODEV) exit(0);
}

static void list(const struct fuse_read_in* wanted) {
  char* at = answer + sizeof(struct fuse_out_header);
  size_t length = 0;
  unsigned long long number = wanted->offset;
  const int width = ((struct fuse_in_header*)request)->nodeid == 1 ? 200 : 1;
  for (;;) {
    char name[256];
    const int size = snprintf(name, sizeof name, "%0*llu", width, ++number);
    const size_t entry = (offsetof(struct fuse_dirent, name) + (size_t)size + 7) & ~(size_t)7;
    if (length + entry > wanted->size) break;
    struct fuse_dirent* written = (void*)(at + length);
    memset(written, 0, entry);
    written->ino = number + 1;
    written->off = number;
    written->namelen = (unsigned)size;
    written->type = S_IFREG >> 12;
    memcpy(written->name, name, (size_t)size);
    length += entry;
  }
  reply(0, at, length);
}

int main(int count, char** words) {
  fuse = count > 1 ? atoi(words[1]) : 3;
  for (;;) {
    const ssize_t got = read(fuse, request, sizeof request);
    if (got <= 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      return 0;
    }
    const struct fuse_in_header* in = (void*)request;
    const void* body = request + sizeof *in;
    struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096, .max_readahead = 4096};
    struct fuse_attr_out root = {.attr = {.ino = in->nodeid, .mode = S_IFDIR | 0777, .nlink = 2}};
    struct fuse_entry_out sub = {.nodeid = 2,
                                 .attr = {.ino = 2, .mode = S_IFDIR | 0777, .nlink = 2}};
    struct fuse_open_out opened = {.fh = 1};
    struct fuse_statfs_out system = {.st = {.namelen = 255, .bsize = 4096}};
    switch (in->opcode) {
      case FUSE_INIT:
        reply(0, &init, sizeof init);
        break;
      case FUSE_GETATTR:
        reply(0, &root, sizeof root);
        break;
      case FUSE_OPENDIR:
        reply(0, &opened, sizeof opened);
        break;
      case FUSE_READDIR:
        list(body);
        break;
      case FUSE_STATFS:
        reply(0, &system, sizeof system);
        break;
      case FUSE_RELEASEDIR:
        reply(0, "", 0);
        break;
      case FUSE_LOOKUP:
        if (in->nodeid == 1 && strcmp(body, "sub") == 0) {
          reply(0, &sub, sizeof sub);
        } else {
          reply(ENOENT, "", 0);
        }
        break;
      case FUSE_RMDIR:
        reply(ENOTEMPTY, "", 0);
        break;
      default:
        reply(ENOSYS, "", 0);
    }
  }
}
