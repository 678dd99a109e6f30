/* The first process of a container: looks into every other, all the time, and says what can be had
 * of it that is not its own, each thing once. look MARK [IMAGE CAPS]: MARK is a text that only
 * those outside have, IMAGE the root of the container, CAPS the mask of what it keeps; or it is in
 * a container. SIGTERM ends it, once it has said all that it has had. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static const char* mark;
static volatile sig_atomic_t is_asked;

static void ask(int signal) { is_asked = signal; }

static char said[512][96];
static int count;

static void say(const char* what, const char* more) {
  char line[96];
  snprintf(line, sizeof line, "%s%s%s", what, *more ? " " : "", more);
  for (int i = 0; i < count; i++) {
    if (!strcmp(said[i], line)) return;
  }
  if (count < 512) strcpy(said[count++], line);
  puts(line);
  fflush(stdout);
}

static dev_t root, proc;

static const char* kind(const struct stat* stat) {
  const mode_t mode = stat->st_mode;
  if (S_ISDIR(mode) && (stat->st_dev == root || stat->st_dev == proc)) return "own";
  return S_ISSOCK(mode)   ? "socket"
         : S_ISFIFO(mode) ? "pipe"
         : S_ISDIR(mode)  ? "directory"
         : S_ISCHR(mode)  ? "device"
         : S_ISREG(mode)  ? "file"
                          : "other";
}

static void files(int pid) {
  char text[96];
  struct stat stat;
  const int pidfd = syscall(SYS_pidfd_open, pid, 0);
  for (int fd = 0; pidfd >= 0 && fd < 64; fd++) {
    const int taken = syscall(SYS_pidfd_getfd, pidfd, fd, 0);
    if (taken < 0) continue;
    if (fstat(taken, &stat) == 0) {
      snprintf(text, sizeof text, "%d %s", fd, kind(&stat));
      say("fd", text);
    }
    close(taken);
  }
  if (pidfd >= 0) close(pidfd);
  snprintf(text, sizeof text, "/proc/%d/fd", pid);
  DIR* all = opendir(text);
  for (struct dirent* entry; all != 0 && (entry = readdir(all));) {
    if (entry->d_name[0] == '.') continue;
    char path[400];
    snprintf(path, sizeof path, "/proc/%d/fd/%s", pid, entry->d_name);
    if (fstatat(AT_FDCWD, path, &stat, 0) != 0) continue;
    snprintf(text, sizeof text, "%.8s %s", entry->d_name, kind(&stat));
    say("fd", text);
  }
  if (all != 0) closedir(all);
}

static void places(int pid) {
  const char* names[] = {"cwd",    "root",   "ns/mnt",    "ns/net",
                         "ns/uts", "ns/ipc", "ns/cgroup", "ns/user"};
  for (int i = 0; i < 8; i++) {
    char path[96];
    struct stat its, ours;
    snprintf(path, sizeof path, "/proc/%d/%s", pid, names[i]);
    if (stat(path, &its) != 0) continue;
    snprintf(path, sizeof path, i < 2 ? "/" : "/proc/self/%s", names[i]);
    if (stat(path, &ours) != 0) continue;
    if (its.st_ino != ours.st_ino || its.st_dev != ours.st_dev) say("elsewhere", names[i]);
  }
}

static void power(int pid) {
  char path[96], line[256], caps[32];
  snprintf(path, sizeof path, "/proc/%d/status", pid);
  FILE* status = fopen(path, "r");
  while (status != 0 && fgets(line, sizeof line, status)) {
    if (sscanf(line, "CapPrm: %31s", caps) == 1) say("caps", caps);
  }
  if (status != 0) fclose(status);
}

static void memory(int pid) {
  static char bytes[1 << 20];
  char path[96], line[512];
  snprintf(path, sizeof path, "/proc/%d/environ", pid);
  int file = open(path, O_RDONLY);
  if (file >= 0) {
    const long length = read(file, bytes, sizeof bytes);
    if (length > 0 && memmem(bytes, length, mark, strlen(mark))) say("mark", "environ");
    close(file);
  }
  snprintf(path, sizeof path, "/proc/%d/mem", pid);
  file = open(path, O_RDONLY);
  snprintf(path, sizeof path, "/proc/%d/maps", pid);
  FILE* maps = fopen(path, "r");
  while (file >= 0 && maps != 0 && fgets(line, sizeof line, maps)) {
    unsigned long from, to;
    char mode[8];
    if (sscanf(line, "%lx-%lx %7s", &from, &to, mode) != 3 || mode[1] != 'w') continue;
    const unsigned long size = to - from < sizeof bytes ? to - from : sizeof bytes;
    const long length = pread(file, bytes, size, (off_t)from);
    if (length > 0 && memmem(bytes, length, mark, strlen(mark))) say("mark", "mem");
  }
  if (maps != 0) fclose(maps);
  if (file >= 0) {
    say("mem", "");
    close(file);
  }
}

static int know_places(void) {
  struct stat stat_;
  if (stat("/", &stat_)) return 7;
  root = stat_.st_dev;
  if (stat("/proc", &stat_)) return 8;
  proc = stat_.st_dev;
  return 0;
}

/* As an engine does it: no chroot, from which some things cannot be made. */
static int enter(const char* image, unsigned long caps) {
  if (mount("none", "/", 0, MS_REC | MS_PRIVATE, 0) || mount(image, image, 0, MS_BIND, 0)) return 3;
  if (chdir(image) || mount("proc", "proc", "proc", 0, 0)) return 4;
  if (syscall(SYS_pivot_root, ".", ".") || umount2(".", MNT_DETACH) || chdir("/")) return 5;
  for (int cap = 0; cap < 64; cap++) {
    if (!(caps >> cap & 1)) prctl(PR_CAPBSET_DROP, cap, 0, 0, 0);
  }
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  const struct __user_cap_data_struct data[2] = {{(unsigned)caps, (unsigned)caps, 0},
                                                 {caps >> 32, caps >> 32, 0}};
  return syscall(SYS_capset, &header, data) ? 6 : 0;
}

int main(int argc, char** argv) {
  if (argc > 1 && !strcmp(argv[1], "end")) return 0; /* as the program: it opens nothing itself */
  if (argc < 2) return 2;
  mark = argv[1];
  int failed = argc < 4 ? 0 : enter(argv[2], strtoul(argv[3], 0, 16));
  if (!failed) failed = know_places();
  if (failed) return failed;
  signal(SIGCHLD, SIG_IGN);
  signal(SIGTERM, ask);
  puts("ready");
  fflush(stdout);
  while (!is_asked) {
    DIR* all = opendir("/proc");
    for (struct dirent* entry; all != 0 && (entry = readdir(all));) {
      const int pid = atoi(entry->d_name);
      if (pid < 2 || pid == getpid()) continue;
      say("seen", "");
      files(pid);
      places(pid);
      power(pid);
      memory(pid);
    }
    if (all != 0) closedir(all);
  }
  return 0;
}
