/* Token buckets by name (a capability's id, an account) in bounded memory: the
 * one that was not used for longest leaves first, and comes back full. */
#ifndef SOTTO_RATE_H
#define SOTTO_RATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "table.h"

enum { RATE_NAME_LEN = 20 };

struct rate_limit {
	uint32_t burst;		/* a full bucket, > 0 */
	uint32_t per_minute;	/* how fast it fills */
};

struct rate_bucket;

struct rates {
	struct table table;
	struct rate_bucket *oldest, *newest;
	size_t max;
};

void rate_init(struct rates *r, const struct sys *sys, size_t max);
void rate_finish(struct rates *r);
/* Takes cost from the bucket of name (at most RATE_NAME_LEN bytes); false, and
 * nothing is taken, when there is less in it. now: milliseconds. */
bool rate_take(struct rates *r, const void *name, size_t len,
	       const struct rate_limit *limit, uint32_t cost, uint64_t now);

#endif
