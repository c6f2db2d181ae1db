/* A hash table of nodes that stand inside the caller's structs. Keys come from
 * peers, so the hash is SipHash under a random key (libsodium's shorthash). */
#ifndef SOTTO_TABLE_H
#define SOTTO_TABLE_H

#include <stddef.h>
#include <stdint.h>

struct sys;

struct table_node {
	struct table_node *next;
	uint64_t hash;
};

struct table {
	struct table_node **chains;
	size_t n;	/* nodes */
	size_t size;	/* chains, a power of 2 */
	size_t empty;	/* so many chains from the first are empty */
	uint8_t key[16];
};

void table_init(struct table *t, const struct sys *sys);
/* Frees the chains, not the nodes. */
void table_finish(struct table *t);
uint64_t table_hash(const struct table *t, const void *key, size_t len);
/* Nodes with this hash; the caller compares keys. NULL at the end. */
struct table_node *table_first(const struct table *t, uint64_t hash);
struct table_node *table_next(const struct table_node *node);
void table_insert(struct table *t, struct table_node *node, uint64_t hash);
void table_remove(struct table *t, struct table_node *node);
/* Any node, for emptying the table; NULL when there is none. */
struct table_node *table_any(struct table *t);

#endif
