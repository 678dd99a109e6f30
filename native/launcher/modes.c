/* Becomes the process that puts the modes of a terminal back. */
#include "modes.h"

#include <asm/ioctls.h>
#include <linux/errno.h>
#include <linux/prctl.h>
#include <linux/termios.h>

#include "channel.h"
#include "files.h"
#include "signals.h"
#include "syscalls.h"

#define TERMINAL 3

static long read_pipe(void* bytes, unsigned long size) {
  long length;
  do {
    length = CALL3(read, 0, bytes, size);
  } while (length == -EINTR);
  return length;
}

/* As the addon makes it: cfmakeraw(3). */
static int is_raw(const struct termios* now, const struct termios* before) {
  const unsigned input = IGNBRK | BRKINT | PARMRK | ISTRIP | INLCR | IGNCR | ICRNL | IXON;
  const unsigned local = ECHO | ECHONL | ICANON | ISIG | IEXTEN;
  return now->c_iflag == (before->c_iflag & ~input) && now->c_oflag == (before->c_oflag & ~OPOST) &&
         now->c_lflag == (before->c_lflag & ~local) &&
         now->c_cflag == ((before->c_cflag & ~(CSIZE | PARENB)) | CS8) && now->c_cc[VMIN] == 1 &&
         now->c_cc[VTIME] == 0;
}

/* The command, who has started it (a shell that has taken the terminal back and leaves its modes
 * alone), or the session: not another job. Of a terminal that is not that of our session, nobody
 * can say. */
static int is_in_front(int32_t command, int32_t starter) {
  int32_t group = 0;
  if (CALL3(ioctl, TERMINAL, TIOCGPGRP, &group) < 0) return 1;
  return group == command || group == starter || group == CALL1(getsid, 0);
}

/* In a process group of its own it is nobody's job: what is typed, or sent to the command's group,
 * does not end it. All signals are blocked, so it may also change the terminal from the background.
 * A shell that has changed the modes since has put them back itself. */
void keep_modes(void) {
  if (!asked(LAUNCH_KEEP_MODES)) return;
  arrange_files();
  const long command = CALL1(getpgid, 0);
  CALL2(setpgid, 0, 0);
  CALL1(chdir, "/");
  CALL(prctl, PR_SET_NAME, "terminal modes", 0, 0, 0);
  struct termios before;
  int32_t starter = -1;
  char raw = 0;
  must(CALL3(ioctl, TERMINAL, TCGETS, &before), LAUNCH_IOCTL);
  if (must(read_pipe(&starter, sizeof starter), LAUNCH_RECEIVE) != sizeof starter) quit(0);
  report(LAUNCH_READY, 0, 0);
  CALL1(close, channel);
  while (read_pipe(&raw, 1) == 1) continue;
  struct termios now;
  if (raw && CALL3(ioctl, TERMINAL, TCGETS, &now) >= 0 && is_raw(&now, &before) &&
      is_in_front((int32_t)command, starter)) {
    CALL3(ioctl, TERMINAL, TCSETS, &before);
  }
  quit(0);
}
