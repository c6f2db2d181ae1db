/* Finding the agent's socket, and starting the agent when nobody listens there. */
#ifndef SOTTO_START_H
#define SOTTO_START_H

#include <stdbool.h>

#include "err.h"
#include "paths.h"

enum {
	START_MS = 10000,	/* an agent that has not answered by then failed */
	START_WHY_MAX = 512,
};

/* Connects to the agent's socket; with start, starts sotto-agent first when
 * nobody listens and waits until it does (at most START_MS). The agent's end
 * must belong to our user. *out is non-blocking. ERR_NOT_FOUND without start and
 * agent; ERR_LOCKED (the agent ended with 8), ERR_SYSTEM, ERR_REFUSED (another
 * user's socket), ERR_TIMEOUT. On failure why holds one line that says what is
 * wrong (the agent's own, when it could not start), without newline, not yet
 * made printable. */
int start_connect(const struct paths *p, bool start, int *out,
		  char why[static START_WHY_MAX]) must_check;

#endif
