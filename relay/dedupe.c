#include "dedupe.h"

#include "buf.h"

struct dedupe_entry {
	struct table_node node;
	uint8_t key[DEDUPE_KEY_LEN];
	uint8_t digest[DEDUPE_DIGEST_LEN];
};

void dedupe_init(struct dedupe *d, const struct sys *sys, size_t max)
{
	*d = (struct dedupe){ .max = max };
	table_init(&d->table, sys);
	/* One piece: the kernel gives pages only as they are first used. */
	d->ring = xcalloc(max, sizeof(struct dedupe_entry));
}

void dedupe_finish(struct dedupe *d)
{
	free(d->ring);
	table_finish(&d->table);
	*d = (struct dedupe){ 0 };
}

static struct dedupe_entry *find(const struct dedupe *d, const uint8_t *key)
{
	uint64_t hash = table_hash(&d->table, key, DEDUPE_KEY_LEN);
	struct table_node *n;

	for (n = table_first(&d->table, hash); n; n = table_next(n)) {
		struct dedupe_entry *e = (struct dedupe_entry *)n;

		if (memcmp(e->key, key, DEDUPE_KEY_LEN) == 0)
			return e;
	}
	return NULL;
}

enum dedupe_answer dedupe_find(const struct dedupe *d,
			       const uint8_t key[static DEDUPE_KEY_LEN],
			       const uint8_t digest[static DEDUPE_DIGEST_LEN])
{
	const struct dedupe_entry *e = find(d, key);

	if (!e)
		return DEDUPE_NEW;
	return memcmp(e->digest, digest, DEDUPE_DIGEST_LEN) == 0 ?
		DEDUPE_SAME : DEDUPE_OTHER;
}

void dedupe_add(struct dedupe *d, const uint8_t key[static DEDUPE_KEY_LEN],
		const uint8_t digest[static DEDUPE_DIGEST_LEN])
{
	struct dedupe_entry *e;

	if (find(d, key))
		return;
	e = &d->ring[d->oldest];
	d->oldest = (d->oldest + 1) % d->max;
	if (d->n == d->max)
		table_remove(&d->table, &e->node);
	else
		d->n++;
	memcpy(e->key, key, DEDUPE_KEY_LEN);
	memcpy(e->digest, digest, DEDUPE_DIGEST_LEN);
	table_insert(&d->table, &e->node,
		     table_hash(&d->table, key, DEDUPE_KEY_LEN));
}
