/* How much time may go into messages that do not decrypt: libsignal tries one
 * against every session it has archived, up to half a second of work that its
 * sender has for nothing. */
#ifndef SOTTO_TRIES_H
#define SOTTO_TRIES_H

#include <stdbool.h>
#include <stdint.h>

enum {
	TRIES_MS = 1000,		/* of work, for each sender, */
	TRIES_WINDOW_MS = 60 * 1000,	/* in this time */
	TRIES_SENDERS = 64,		/* remembered at once */
};

/* Plain struct; zeroed is empty. */
struct tries {
	struct tries_sender {
		int64_t who;
		uint64_t since;		/* monotonic ms */
		uint64_t spent;		/* ms */
	} senders[TRIES_SENDERS];
	unsigned n;
};

/* who: any number that names a sender. */
bool tries_left(const struct tries *t, int64_t who, uint64_t now_ms);
void tries_spend(struct tries *t, int64_t who, uint64_t now_ms, uint64_t ms);

#endif
