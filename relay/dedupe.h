/* What was accepted lately, in bounded memory, so that a repeated Send need not
 * be delivered again. Keys are keyed hashes of (envelope id, mailbox): an entry
 * links nothing to nobody. The oldest entry leaves first. */
#ifndef SOTTO_DEDUPE_H
#define SOTTO_DEDUPE_H

#include <stddef.h>
#include <stdint.h>

#include "table.h"

enum { DEDUPE_KEY_LEN = 16, DEDUPE_DIGEST_LEN = 16 };

struct dedupe_entry;

struct dedupe {
	struct table table;
	struct dedupe_entry *ring;	/* max entries */
	size_t n, max, oldest;
};

enum dedupe_answer { DEDUPE_NEW, DEDUPE_SAME, DEDUPE_OTHER };

void dedupe_init(struct dedupe *d, const struct sys *sys, size_t max);
void dedupe_finish(struct dedupe *d);
/* Whether key was accepted, with this digest or another. */
enum dedupe_answer dedupe_find(const struct dedupe *d,
			       const uint8_t key[static DEDUPE_KEY_LEN],
			       const uint8_t digest[static DEDUPE_DIGEST_LEN]);
void dedupe_add(struct dedupe *d, const uint8_t key[static DEDUPE_KEY_LEN],
		const uint8_t digest[static DEDUPE_DIGEST_LEN]);

#endif
