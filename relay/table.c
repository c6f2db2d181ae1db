#include "table.h"

#include <assert.h>
#include <sodium.h>

#include "buf.h"
#include "sys.h"

enum { TABLE_MIN = 64 };

_Static_assert(sizeof(((struct table *)0)->key) == crypto_shorthash_KEYBYTES,
	       "key size");

void table_init(struct table *t, const struct sys *sys)
{
	*t = (struct table){ .size = TABLE_MIN };
	t->chains = xcalloc(t->size, sizeof(struct table_node *));
	sys_random(sys, t->key, sizeof(t->key));
}

void table_finish(struct table *t)
{
	free(t->chains);
	*t = (struct table){ 0 };
}

uint64_t table_hash(const struct table *t, const void *key, size_t len)
{
	uint64_t hash;

	_Static_assert(crypto_shorthash_BYTES == sizeof(hash), "hash size");
	crypto_shorthash((unsigned char *)&hash, key, len, t->key);
	return hash;
}

static struct table_node **chain(const struct table *t, uint64_t hash)
{
	return &t->chains[hash & (t->size - 1)];
}

static struct table_node *match(struct table_node *node, uint64_t hash)
{
	while (node && node->hash != hash)
		node = node->next;
	return node;
}

struct table_node *table_first(const struct table *t, uint64_t hash)
{
	return match(*chain(t, hash), hash);
}

struct table_node *table_next(const struct table_node *node)
{
	return match(node->next, node->hash);
}

static void grow(struct table *t)
{
	struct table_node **old = t->chains;
	size_t old_size = t->size;

	t->size *= 2;
	t->empty = 0;
	t->chains = xcalloc(t->size, sizeof(struct table_node *));
	for (size_t i = 0; i < old_size; i++) {
		for (struct table_node *n = old[i], *next; n; n = next) {
			struct table_node **c = chain(t, n->hash);

			next = n->next;
			n->next = *c;
			*c = n;
		}
	}
	free(old);
}

void table_insert(struct table *t, struct table_node *node, uint64_t hash)
{
	struct table_node **c;

	if (t->n >= t->size)
		grow(t);
	node->hash = hash;
	c = chain(t, hash);
	node->next = *c;
	*c = node;
	t->n++;
	t->empty = 0;
}

void table_remove(struct table *t, struct table_node *node)
{
	struct table_node **p = chain(t, node->hash);

	while (*p && *p != node)
		p = &(*p)->next;
	assert(*p == node);
	*p = node->next;
	t->n--;
}

struct table_node *table_any(struct table *t)
{
	while (t->empty < t->size && !t->chains[t->empty])
		t->empty++;
	return t->empty < t->size ? t->chains[t->empty] : NULL;
}
