/* Forks a helper: a process that stays outside of what is joined and created, with our rights
 * there, and does something for the launcher when it is asked to.
 *
 * It reaches the launcher by a descriptor of its directory in /proc, opened before anything is
 * joined: afterwards, /proc is any other.
 */
#pragma once

struct helper {
  long pid; /* 0: there is none */
  int socket;
};

void start_helper(struct helper* helper, void (*work)(int self));

/* Waits until it is done. It has to be able to look into us; nobody else is here to do so. */
void ask_helper(const struct helper* helper, int let_it_look);

/* What it met, as our own failure: whoever goes on as the program asks this. */
void hear_helper(const struct helper* helper);

int has_ended_well(long child); /* waits for that */
