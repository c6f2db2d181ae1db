/* Capabilities that their owners revoked, in memory. An entry is a keyed hash
 * of (account, id): only the account that a capability was minted for can
 * revoke it, and the store keeps no ids. */
#ifndef SOTTO_REVOKED_H
#define SOTTO_REVOKED_H

#include <stdbool.h>
#include <stdint.h>

#include "capability.h"
#include "table.h"

enum {
	REVOKED_MAX = 1024 * 1024,	/* of all accounts, about 50 MB */
	REVOKED_ACCOUNT_MAX = 4096,	/* of one, in the year that they last */
	/* What each may have however full it is: nobody can use up the room
	 * that another needs to block somebody. */
	REVOKED_RESERVED = 64,
};

struct revoked {
	struct table table;
	struct table accounts;		/* how many each has */
	uint8_t key[32];
};

void revoked_init(struct revoked *r, const struct sys *sys,
		  const uint8_t key[static 32]);
void revoked_finish(struct revoked *r);
/* The form in which a revocation is stored. */
void revoked_hash(const struct revoked *r, const struct account_id *account,
		  const uint8_t id[static CAPABILITY_ID_LEN],
		  uint8_t out[static CAPABILITY_ID_LEN]);
/* Whether the account may have n more. */
bool revoked_room(const struct revoked *r, const struct account_id *account,
		  size_t n);
/* hash: from revoked_hash. Callers ask revoked_room first. */
void revoked_add(struct revoked *r, const struct account_id *account,
		 const uint8_t hash[static CAPABILITY_ID_LEN]);
/* Notes that the store has it; does nothing for one that was not added. */
void revoked_lasts(struct revoked *r,
		   const uint8_t hash[static CAPABILITY_ID_LEN]);

enum revoked_answer {
	REVOKED_NOT,
	REVOKED_ADDED,		/* refuses, and may not be in the store */
	REVOKED_LASTING,
};

enum revoked_answer revoked_find(const struct revoked *r,
				 const uint8_t hash[static CAPABILITY_ID_LEN]);
/* Whether the account revoked the capability of this id. */
bool revoked_has(const struct revoked *r, const struct account_id *account,
		 const uint8_t id[static CAPABILITY_ID_LEN]);

#endif
