/* What a program sees of where it is and who: one line of JSON. Static, so that it runs in any
 * root. */
#define _GNU_SOURCE
#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

extern char** environ;

static void text(const char* value) {
  putchar('"');
  for (; *value; value++) {
    if (*value == '"' || *value == '\\') putchar('\\');
    if (*value == '\n') {
      printf("\\n");
    } else if ((unsigned char)*value >= ' ' && (unsigned char)*value < 127) {
      putchar(*value);
    }
  }
  putchar('"');
}

static void named(const char* name) { printf(",\"%s\":", name); }

static void file(const char* name, const char* path, const char* only) {
  static char line[65536];
  static char all[1 << 20];
  all[0] = 0;
  FILE* stream = fopen(path, "r");
  while (stream && fgets(line, sizeof line, stream)) {
    if (strstr(line, only) && strlen(all) + strlen(line) < sizeof all) strcat(all, line);
  }
  if (stream) fclose(stream);
  named(name);
  text(stream ? all : "none");
}

static void namespaces(void) {
  const char* types[] = {"cgroup", "ipc", "mnt", "net", "pid", "time", "user", "uts"};
  char path[64];
  struct stat own = {0}, stat_of, owner;
  stat("/proc/self/ns/user", &own);
  named("namespaces");
  putchar('{');
  for (int i = 0; i < 8; i++) {
    snprintf(path, sizeof path, "/proc/self/ns/%s", types[i]);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (i > 0) putchar(',');
    printf("\"%s\":", types[i]);
    if (fd < 0 || fstat(fd, &stat_of) == -1) {
      printf("null");
      continue;
    }
    const int above = ioctl(fd, 0xb701 /* NS_GET_USERNS */);
    const int mine = above >= 0 && fstat(above, &owner) == 0 && owner.st_ino == own.st_ino;
    printf("[%lu,%s]", (unsigned long)stat_of.st_ino, above < 0 ? "null" : mine ? "true" : "false");
    if (above >= 0) close(above);
    close(fd);
  }
  putchar('}');
}

static void signals(void) {
  sigset_t blocked;
  sigprocmask(SIG_BLOCK, NULL, &blocked);
  named("signals");
  putchar('"');
  for (int i = 1; i < 65; i++) {
    struct sigaction action;
    if (sigismember(&blocked, i) == 1) printf("b%d ", i);
    if (sigaction(i, NULL, &action) == 0 && action.sa_handler == SIG_IGN) printf("i%d ", i);
  }
  putchar('"');
}

static void limits(void) {
  named("limits");
  putchar('[');
  for (int i = 0; i < RLIM_NLIMITS; i++) {
    struct rlimit limit = {0};
    getrlimit(i, &limit);
    printf("%s%llu", i ? "," : "", (unsigned long long)limit.rlim_cur);
  }
  putchar(']');
}

static void descriptors(void) {
  named("descriptors");
  putchar('[');
  for (int fd = 0, first = 1; fd < 1024; fd++) {
    if (fcntl(fd, F_GETFD) == -1) continue;
    printf("%s%d", first ? "" : ",", fd);
    first = 0;
  }
  putchar(']');
}

static void environment(void) {
  named("environment");
  putchar('[');
  for (char** pair = environ; *pair; pair++) {
    if (pair != environ) putchar(',');
    text(*pair);
  }
  putchar(']');
}

int main(int argc, char** argv) {
  char here[4096];
  if (argc > 2 && !strcmp(argv[1], "exit")) return atoi(argv[2]);
  if (argc > 2 && !strcmp(argv[1], "die")) kill(getpid(), atoi(argv[2]));
  if (argc > 1 && !strcmp(argv[1], "wait")) {
    printf("here\n");
    fflush(stdout);
    while (read(0, here, sizeof here) > 0) continue; /* until who started us ends */
    return 0;
  }
  printf("{\"cwd\":");
  text(getcwd(here, sizeof here) ? here : "none");
  descriptors();
  printf(",\"umask\":%d,\"leader\":%s,\"first\":%s", umask(0),
         getsid(0) == getpid() ? "true" : "false", getpid() == 1 ? "true" : "false");
  struct timespec boot;
  clock_gettime(CLOCK_BOOTTIME, &boot);
  printf(",\"boot\":%ld,\"privileges\":%d", (long)boot.tv_sec,
         prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
  signals();
  limits();
  namespaces();
  environment();
  file("uids", "/proc/self/status", "Uid:");
  file("gids", "/proc/self/status", "Gid:");
  file("groups", "/proc/self/status", "Groups:");
  file("capabilities", "/proc/self/status", "Cap");
  file("uid_map", "/proc/self/uid_map", "");
  file("gid_map", "/proc/self/gid_map", "");
  file("setgroups", "/proc/self/setgroups", "");
  file("offsets", "/proc/self/timens_offsets", "");
  file("cgroups", "/proc/self/cgroup", "0::");
  file("mounts", "/proc/self/mountinfo", "");
  const DIR* processes = opendir("/proc");
  int count = 0;
  for (struct dirent* one; processes && (one = readdir((DIR*)processes));)
    count += atoi(one->d_name) > 0;
  printf(",\"processes\":%s}\n", count > 20 ? "\"many\"" : "\"few\"");
  return 0;
}
