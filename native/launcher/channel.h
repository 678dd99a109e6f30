/* What the addon and the launcher say to each other: the request, reports, and how to end. */
#pragma once
#include <stdint.h>

#include "launch.h"

#define MESSAGE_NO_SIGNAL 0x4000
#define MESSAGE_DONT_WAIT 0x40

/* Of what every launch writes or reads: on one page with the rest of it, not behind a large buffer.
 * A page more is a fault, and with a fork a copy. */
#define ON_FIRST_PAGE __attribute__((section(".data")))

extern union request {
  struct launch launch;
  char bytes[LAUNCH_MOST];
} message;
static struct launch* const launch = &message.launch;

extern int channel; /* -1: nobody listens */

/* In place of the channel, from the moment on that somebody else may see what we hold. */
extern volatile struct launch_report* written;

/* Ours and the addon's, fork.h; what we fork does not have it. */
extern volatile struct launch_forks* forks;

/* What lies at an offset of the request; 0: nothing. */
static inline void* at(uint32_t offset) { return offset == 0 ? 0 : message.bytes + offset; }
static inline int asked(uint32_t flag) { return (launch->flags & flag) != 0; }

/* The number of the channel; ends where it is none. */
int number(const char* text);
void receive(void);

long say(int socket, const void* bytes, unsigned long size);
int report(int step, long error, int detail);
long must(long result, int step); /* fails the step, with a result below 0 */
_Noreturn void fail(int step, long error, int detail);
_Noreturn void quit(int code);
