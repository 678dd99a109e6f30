// A process whose command line nobody can read: it holds the lock of its memory for as long as a
// file system of its own (FUSE) does not answer. One thread reads a page of that through
// /proc/self/mem, which keeps the lock for reading; the mmap(2) of the other is next in line, and
// everybody else behind it. hang DIRECTORY COUNT: that many children are such processes, and this
// one is their file system. A child is ready when it sleeps in that mmap(2) (state D).
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fuse.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int fuse;
static int (*asked)[2];  // of each child: a word when its page was asked for
static char* map;

static void answer(uint64_t unique, int error, const void* data, unsigned size) {
  static char out[8192];
  struct fuse_out_header* header = (void*)out;
  header->len = sizeof *header + size;
  header->error = error;
  header->unique = unique;
  memcpy(out + sizeof *header, data, size);
  write(fuse, out, header->len);
}

static struct fuse_attr attributes(uint64_t inode) {
  return (struct fuse_attr){.ino = inode,
                            .mode = inode == 1 ? S_IFDIR | 0755 : S_IFREG | 0644,
                            .nlink = 1,
                            .size = 4096,
                            .blksize = 4096};
}

// Files have the numbers of the children as names. Everything is answered but a read.
static void serve(void) {
  static char in[1 << 20];
  for (;;) {
    if (read(fuse, in, sizeof in) < 0) {
      if (errno == EINTR || errno == ENOENT) continue;
      return;
    }
    struct fuse_in_header* header = (void*)in;
    struct fuse_init_out init = {.major = 7, .minor = 31, .max_write = 4096};
    const uint64_t inode = 2 + atoi((char*)(header + 1));  // where it is a name
    struct fuse_entry_out entry = {
        .nodeid = inode, .attr_valid = 1000, .entry_valid = 1000, .attr = attributes(inode)};
    struct fuse_attr_out attr = {.attr_valid = 1000, .attr = attributes(header->nodeid)};
    struct fuse_open_out open = {0};
    switch (header->opcode) {
      case FUSE_INIT:
        answer(header->unique, 0, &init, sizeof init);
        break;
      case FUSE_LOOKUP:
        answer(header->unique, 0, &entry, sizeof entry);
        break;
      case FUSE_GETATTR:
        answer(header->unique, 0, &attr, sizeof attr);
        break;
      case FUSE_OPEN:
        answer(header->unique, 0, &open, sizeof open);
        break;
      case FUSE_READ:
        write(asked[header->nodeid - 2][1], "", 1);
        break;
      default:
        answer(header->unique, -ENOSYS, "", 0);
    }
  }
}

static void* hold_lock(void* data) {
  int memory = open("/proc/self/mem", O_RDONLY);
  char byte;
  pread(memory, &byte, 1, (off_t)map);
  return data;
}

static void become_unreadable(const char* directory, int number) {
  char text[300];
  snprintf(text, sizeof text, "%s/%d", directory, number);
  map = mmap(0, 4096, PROT_READ, MAP_PRIVATE, open(text, O_RDONLY), 0);
  if (map == MAP_FAILED) perror("mmap"), _exit(1);
  pthread_t thread;
  pthread_create(&thread, 0, hold_lock, 0);
  read(asked[number][0], text, 1);
  mmap(0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
}

int main(int count, char** args) {
  const int children = atoi(args[2]);
  char text[300];
  asked = calloc(children, sizeof *asked);
  fuse = open("/dev/fuse", O_RDWR | O_CLOEXEC);
  snprintf(text, sizeof text, "fd=%d,rootmode=40000,user_id=0,group_id=0", fuse);
  if (mount("hang", args[1], "fuse", MS_NOSUID | MS_NODEV, text)) return perror("mount"), 1;
  for (int i = 0; i < children; i++) {
    pipe(asked[i]);
    if (fork() != 0) continue;
    close(fuse);  // without its server the file system would answer
    become_unreadable(args[1], i);
    _exit(1);
  }
  write(1, "ready\n", 6);
  serve();
}
