#include "revoked.h"

#include <sodium.h>

#include "buf.h"

struct entry {
	struct table_node node;
	uint8_t hash[CAPABILITY_ID_LEN];
	bool lasting;
};

struct account {
	struct table_node node;
	struct account_id id;
	uint32_t n;
};

void revoked_init(struct revoked *r, const struct sys *sys,
		  const uint8_t key[static 32])
{
	table_init(&r->table, sys);
	table_init(&r->accounts, sys);
	memcpy(r->key, key, sizeof(r->key));
}

static void empty(struct table *t)
{
	struct table_node *n;

	while ((n = table_any(t))) {
		table_remove(t, n);
		free(n);
	}
	table_finish(t);
}

void revoked_finish(struct revoked *r)
{
	empty(&r->table);
	empty(&r->accounts);
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

static struct account *find_account(const struct revoked *r,
				    const struct account_id *id)
{
	uint64_t h = table_hash(&r->accounts, id, sizeof(*id));
	struct table_node *n;

	for (n = table_first(&r->accounts, h); n; n = table_next(n)) {
		struct account *a = (struct account *)n;

		if (account_equal(&a->id, id))
			return a;
	}
	return NULL;
}

bool revoked_room(const struct revoked *r, const struct account_id *account,
		  size_t n)
{
	const struct account *a = find_account(r, account);
	size_t will = (a ? a->n : 0) + n;

	return will <= REVOKED_RESERVED ||
	       (will <= REVOKED_ACCOUNT_MAX && r->table.n + n <= REVOKED_MAX);
}

static void count(struct revoked *r, const struct account_id *id)
{
	struct account *a = find_account(r, id);

	if (!a) {
		a = xcalloc(1, sizeof(*a));
		a->id = *id;
		table_insert(&r->accounts, &a->node,
			     table_hash(&r->accounts, id, sizeof(*id)));
	}
	a->n++;
}

void revoked_add(struct revoked *r, const struct account_id *account,
		 const uint8_t hash[static CAPABILITY_ID_LEN])
{
	struct entry *e;

	if (find(r, hash))
		return;
	e = xcalloc(1, sizeof(*e));
	memcpy(e->hash, hash, CAPABILITY_ID_LEN);
	table_insert(&r->table, &e->node,
		     table_hash(&r->table, hash, CAPABILITY_ID_LEN));
	count(r, account);
}

void revoked_lasts(struct revoked *r,
		   const uint8_t hash[static CAPABILITY_ID_LEN])
{
	struct entry *e = find(r, hash);

	if (e)
		e->lasting = true;
}

enum revoked_answer revoked_find(const struct revoked *r,
				 const uint8_t hash[static CAPABILITY_ID_LEN])
{
	const struct entry *e = find(r, hash);

	if (!e)
		return REVOKED_NOT;
	return e->lasting ? REVOKED_LASTING : REVOKED_ADDED;
}

bool revoked_has(const struct revoked *r, const struct account_id *account,
		 const uint8_t id[static CAPABILITY_ID_LEN])
{
	uint8_t hash[CAPABILITY_ID_LEN];

	if (r->table.n == 0)
		return false;
	revoked_hash(r, account, id, hash);
	return revoked_find(r, hash) != REVOKED_NOT;
}
