/* Finds the program, and becomes it. */
#include "execute.h"

#include <linux/errno.h>
#include <linux/fcntl.h>

#include "directory.h"
#include "launch.h"
#include "syscalls.h"

#define NAME_MOST 255

int missing = LAUNCH_MISSING_PROGRAM;

static void look_what_is_missing(const char* path) {
  char first = 0;
  const long file = CALL4(openat, AT_FDCWD, path, O_RDONLY | O_NONBLOCK | O_CLOEXEC, 0);
  if (file == -ENOENT || file == -ENOTDIR) return;
  const long length = file < 0 ? file : CALL3(read, file, &first, 1);
  if (file >= 0) CALL1(close, file);
  missing = length != 1    ? LAUNCH_MISSING_EITHER
            : first == '#' ? LAUNCH_MISSING_INTERPRETER
                           : LAUNCH_MISSING_LOADER;
}

/* argv[-1] is free: it was the channel's number. */
static long execute(const char* path, char** argv, char** envp) {
  long error = CALL3(execve, path, argv, envp);
  if (error == -ENOENT) look_what_is_missing(path);
  if (error != -ENOEXEC) return error;
  /* A script without #!, as execvp(3) runs it. */
  char* name = argv[0];
  argv[-1] = "/bin/sh";
  argv[0] = (char*)path;
  error = CALL3(execve, "/bin/sh", argv - 1, envp);
  argv[0] = name;
  return error == -ENOENT ? -ENOEXEC : error;
}

static const char* search_path(char** envp) {
  for (; *envp != 0; envp++) {
    const char* text = *envp;
    if (text[0] == 'P' && text[1] == 'A' && text[2] == 'T' && text[3] == 'H' && text[4] == '=') {
      return text + 5;
    }
  }
  return "/bin:/usr/bin";
}

static int has_slash(const char* text) {
  while (*text != 0 && *text != '/') text++;
  return *text == '/';
}

/* The rules of execvp(3), inside the new root, with the PATH that the program is given. */
long search_and_execute(const char* file, char** argv, char** envp) {
  static char candidate[PATH_MOST];
  if (has_slash(file)) return execute(file, argv, envp);
  unsigned name = 0;
  while (file[name] != 0) name++;
  if (name > NAME_MOST) return -ENAMETOOLONG; /* wherever it is looked for */
  long error = -ENOENT;
  const char* path = search_path(envp);
  for (;; path++) {
    unsigned length = 0;
    for (; *path != 0 && *path != ':'; path++) {
      if (length < PATH_MOST - 2) candidate[length++] = *path;
    }
    if (length != 0) candidate[length++] = '/';
    const char* rest = file;
    for (; *rest != 0 && length < PATH_MOST - 1; rest++) candidate[length++] = *rest;
    candidate[length] = 0;
    long result = *rest != 0 ? -ENAMETOOLONG : execute(candidate, argv, envp);
    if (result == -EACCES) {
      error = result;
    } else if (result != -ENOENT && result != -ENOTDIR && result != -ESTALE && result != -ENODEV &&
               result != -ETIMEDOUT && result != -ENAMETOOLONG) {
      return result;
    }
    if (*path == 0) return error;
  }
}
