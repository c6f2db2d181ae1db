/* The hybrid logical clock that orders messages: milliseconds UTC << 16 and a
 * count that keeps it growing. */
#ifndef SOTTO_CLOCK_H
#define SOTTO_CLOCK_H

#include <stdint.h>

#include "db.h"
#include "sys.h"

/* Plain struct. saved is what the database holds. */
struct hlc {
	const struct sys *sys;
	uint64_t last;
	uint64_t saved;
};

enum {
	HLC_SHIFT = 16,
	/* A peer whose clock is further ahead than this does not move ours. */
	HLC_AHEAD_MS = 5 * 60 * 1000,
};

/* Goes on from what the database holds. ERR_STORE and the like. */
int hlc_load(struct hlc *c, const struct sys *sys, struct db *db) must_check;
/* A value greater than all before. */
uint64_t hlc_now(struct hlc *c);
/* Another device's value was seen. */
void hlc_seen(struct hlc *c, uint64_t clock);
/* Stores the clock when it has moved; in a transaction. */
int hlc_save(struct hlc *c, struct db *db) must_check;
/* Milliseconds UTC of a value. */
uint64_t hlc_ms(uint64_t clock);

#endif
