#include "rate.h"

#include <assert.h>

#include "buf.h"

struct rate_bucket {
	struct table_node node;
	struct rate_bucket *older, *newer;
	uint8_t name[RATE_NAME_LEN];
	uint64_t at;		/* when level held */
	uint64_t level;		/* in 1/60,000 of a unit */
};

/* A unit a minute is one of these a millisecond. */
static const uint64_t unit = 60000;

void rate_init(struct rates *r, const struct sys *sys, size_t max)
{
	*r = (struct rates){ .max = max };
	table_init(&r->table, sys);
}

static void list_remove(struct rates *r, struct rate_bucket *b)
{
	*(b->older ? &b->older->newer : &r->oldest) = b->newer;
	*(b->newer ? &b->newer->older : &r->newest) = b->older;
}

static void list_append(struct rates *r, struct rate_bucket *b)
{
	b->older = r->newest;
	b->newer = NULL;
	*(r->newest ? &r->newest->newer : &r->oldest) = b;
	r->newest = b;
}

static void drop(struct rates *r, struct rate_bucket *b)
{
	list_remove(r, b);
	table_remove(&r->table, &b->node);
	free(b);
}

void rate_finish(struct rates *r)
{
	while (r->oldest)
		drop(r, r->oldest);
	table_finish(&r->table);
}

static struct rate_bucket *get(struct rates *r, const uint8_t *name,
			       const struct rate_limit *limit, uint64_t now)
{
	uint64_t hash = table_hash(&r->table, name, RATE_NAME_LEN);
	struct rate_bucket *b;

	for (struct table_node *n = table_first(&r->table, hash); n;
	     n = table_next(n)) {
		b = (struct rate_bucket *)n;
		if (memcmp(b->name, name, RATE_NAME_LEN) == 0) {
			list_remove(r, b);
			list_append(r, b);
			return b;
		}
	}
	if (r->table.n >= r->max)
		drop(r, r->oldest);
	b = xcalloc(1, sizeof(*b));
	memcpy(b->name, name, RATE_NAME_LEN);
	b->at = now;
	b->level = limit->burst * unit;
	table_insert(&r->table, &b->node, hash);
	list_append(r, b);
	return b;
}

bool rate_take(struct rates *r, const void *name, size_t len,
	       const struct rate_limit *limit, uint32_t cost, uint64_t now)
{
	uint8_t padded[RATE_NAME_LEN] = { 0 };
	uint64_t full = limit->burst * unit;
	struct rate_bucket *b;

	assert(len <= sizeof(padded));
	memcpy(padded, name, len);
	b = get(r, padded, limit, now);
	if (now > b->at) {
		uint64_t ms = now - b->at;

		/* A day fills any bucket; the cut keeps the product small. */
		if (ms > 86400000)
			ms = 86400000;
		b->level += ms * limit->per_minute;
		if (b->level > full)
			b->level = full;
		b->at = now;
	}
	if (b->level < cost * unit)
		return false;
	b->level -= cost * unit;
	return true;
}
