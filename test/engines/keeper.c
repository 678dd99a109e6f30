/*
 * Keeps a machine within the machine: a mount and a network namespace of its own, and whatever is
 * started in them. Commands come to a shell on stdin; at its end, whether asked for or because the
 * test has died, every process that descends from here is killed and waited for.
 *
 * It is the subreaper of all: what a daemon or a shim leaves behind becomes its child, so that
 * nothing gets away, and nothing stays a zombie.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { most = 1 << 22 };
static int parents[most];

static int ok(int result, const char *what) {
  if (result < 0) {
    perror(what);
    exit(1);
  }
  return result;
}

static void read_parents(void) {
  memset(parents, 0, sizeof parents);
  DIR *proc = opendir("/proc");
  if (proc == NULL) return;
  for (struct dirent *entry; (entry = readdir(proc)) != NULL;) {
    int pid = atoi(entry->d_name);
    if (pid <= 0 || pid >= most) continue;
    char path[64], line[512];
    snprintf(path, sizeof path, "/proc/%d/stat", pid);
    FILE *file = fopen(path, "re");
    if (file == NULL) continue;
    size_t length = fread(line, 1, sizeof line - 1, file);
    fclose(file);
    line[length] = 0;
    char *end = strrchr(line, ')');
    if (end != NULL) sscanf(end + 1, " %*c %d", &parents[pid]);
  }
  closedir(proc);
}

/* A process in a frozen cgroup of version 1 does not die before it is thawed. */
static void thaw(int pid) {
  char path[4352], line[4096];
  snprintf(path, sizeof path, "/proc/%d/cgroup", pid);
  FILE *file = fopen(path, "re");
  if (file == NULL) return;
  while (fgets(line, sizeof line, file) != NULL) {
    char *freezer = strstr(line, ":freezer:/");
    if (freezer == NULL) continue;
    line[strcspn(line, "\n")] = 0;
    snprintf(path, sizeof path, "/sys/fs/cgroup/freezer/%s/freezer.state",
             freezer + strlen(":freezer:/"));
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    if (fd >= 0 && write(fd, "THAWED", 6) < 0) perror(path);
    if (fd >= 0) close(fd);
  }
  fclose(file);
}

static void kill_all(void) {
  int self = getpid();
  for (;;) {
    read_parents();
    for (int pid = 1; pid < most; pid++) {
      int ancestor = parents[pid];
      while (ancestor > 1 && ancestor != self) ancestor = parents[ancestor];
      if (ancestor != self) continue;
      kill(pid, SIGKILL);
      thaw(pid);
    }
    int gone;
    while ((gone = waitpid(-1, NULL, WNOHANG)) > 0) continue;
    if (gone < 0 && errno == ECHILD) return;
    usleep(5000);
  }
}

/* argument: a shell command to tidy up with, run outside when nothing is left inside. */
int main(int count, char **arguments) {
  signal(SIGINT, SIG_IGN); /* Ctrl-C is for the test, whose end is heard */
  ok(prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper");
  /* The host's cgroups, by which to thaw, are not those that the machine sees. */
  int host = ok(open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), "/proc/self/ns/mnt");
  ok(unshare(CLONE_NEWNS | CLONE_NEWNET), "unshare");
  ok(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "mount");
  pid_t shell = ok(fork(), "fork");
  if (shell == 0) {
    signal(SIGINT, SIG_DFL);
    execl("/bin/sh", "sh", (char *)NULL);
    _exit(127);
  }
  close(0);
  for (pid_t gone; (gone = waitpid(-1, NULL, 0)) != shell;) {
    if (gone < 0 && errno != EINTR) break;
  }
  ok(setns(host, CLONE_NEWNS), "setns");
  kill_all();
  if (count > 1) execl("/bin/sh", "sh", "-c", arguments[1], (char *)NULL);
  return 0;
}
