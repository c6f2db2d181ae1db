/* Capabilities that their owners revoked, in memory. An entry is a keyed hash
 * of (account, id): only the account that a capability was minted for can
 * revoke it, and the store keeps no ids. */
#ifndef SOTTO_REVOKED_H
#define SOTTO_REVOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "capability.h"
#include "table.h"

enum { REVOKED_MAX = 1024 * 1024 };

struct revoked {
	struct table table;
	uint8_t key[32];
};

void revoked_init(struct revoked *r, const struct sys *sys,
		  const uint8_t key[static 32]);
void revoked_finish(struct revoked *r);
/* The form in which a revocation is stored. */
void revoked_hash(const struct revoked *r, const struct account_id *account,
		  const uint8_t id[static CAPABILITY_ID_LEN],
		  uint8_t out[static CAPABILITY_ID_LEN]);
/* hash: from revoked_hash. Beyond REVOKED_MAX it is dropped: callers ask
 * revoked_full first. */
void revoked_add(struct revoked *r,
		 const uint8_t hash[static CAPABILITY_ID_LEN]);
bool revoked_full(const struct revoked *r);
bool revoked_has(const struct revoked *r, const struct account_id *account,
		 const uint8_t id[static CAPABILITY_ID_LEN]);

#endif
