/* What becomes of signals, and their numbers. */
#pragma once
#include <stdint.h>

#define SIGINT_NUMBER 2
#define SIGKILL_NUMBER 9
#define SIGUSR1_NUMBER 10
#define SIGTERM_NUMBER 15
#define SIGCHLD_NUMBER 17
#define SIGCONT_NUMBER 18
#define SIGSTOP_NUMBER 19
#define SIGTSTP_NUMBER 20
#define SIGTTIN_NUMBER 21
#define SIGTTOU_NUMBER 22
#define SIGURG_NUMBER 23
#define SIGWINCH_NUMBER 28

void handle(int signal, long how); /* 0: its default, 1: ignored */
void block(uint64_t signals);      /* these, and no others */
int ignores(int signal);           /* whether the program is to ignore it */

/* To what the program is to have. */
void reset_signals(void);
