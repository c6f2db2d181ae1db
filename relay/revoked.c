#include "revoked.h"

#include <sodium.h>

#include "buf.h"

struct entry {
	struct table_node node;
	uint8_t hash[CAPABILITY_ID_LEN];
};

void revoked_init(struct revoked *r, const struct sys *sys,
		  const uint8_t key[static 32])
{
	table_init(&r->table, sys);
	memcpy(r->key, key, sizeof(r->key));
}

void revoked_finish(struct revoked *r)
{
	struct table_node *n;

	while ((n = table_any(&r->table))) {
		table_remove(&r->table, n);
		free(n);
	}
	table_finish(&r->table);
	sodium_memzero(r->key, sizeof(r->key));
}

void revoked_hash(const struct revoked *r, const struct account_id *account,
		  const uint8_t id[static CAPABILITY_ID_LEN],
		  uint8_t out[static CAPABILITY_ID_LEN])
{
	uint8_t data[ACCOUNT_LEN + CAPABILITY_ID_LEN];
	uint8_t hash[16];

	memcpy(data, account->b, ACCOUNT_LEN);
	memcpy(data + ACCOUNT_LEN, id, CAPABILITY_ID_LEN);
	crypto_generichash(hash, sizeof(hash), data, sizeof(data), r->key,
			   sizeof(r->key));
	memcpy(out, hash, CAPABILITY_ID_LEN);
}

static struct entry *find(const struct revoked *r, const uint8_t *hash)
{
	uint64_t h = table_hash(&r->table, hash, CAPABILITY_ID_LEN);
	struct table_node *n;

	for (n = table_first(&r->table, h); n; n = table_next(n)) {
		struct entry *e = (struct entry *)n;

		if (memcmp(e->hash, hash, CAPABILITY_ID_LEN) == 0)
			return e;
	}
	return NULL;
}

void revoked_add(struct revoked *r,
		 const uint8_t hash[static CAPABILITY_ID_LEN])
{
	struct entry *e;

	if (revoked_full(r) || find(r, hash))
		return;
	e = xcalloc(1, sizeof(*e));
	memcpy(e->hash, hash, CAPABILITY_ID_LEN);
	table_insert(&r->table, &e->node,
		     table_hash(&r->table, hash, CAPABILITY_ID_LEN));
}

bool revoked_full(const struct revoked *r)
{
	return r->table.n >= REVOKED_MAX;
}

bool revoked_has(const struct revoked *r, const struct account_id *account,
		 const uint8_t id[static CAPABILITY_ID_LEN])
{
	uint8_t hash[CAPABILITY_ID_LEN];

	if (r->table.n == 0)
		return false;
	revoked_hash(r, account, id, hash);
	return find(r, hash) != NULL;
}
