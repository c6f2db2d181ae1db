/* What the files of keys share; nobody else includes it. */
#ifndef SOTTO_KEYS_INTERNAL_H
#define SOTTO_KEYS_INTERNAL_H

#include "keys.h"
#include "ratchet_crypto.h"

#define KEYS_NEXT_PREKEY "next-prekey"

/* Make and store one; now in seconds. */
int keys_new_signed_prekey(struct db *db, const struct sys *sys,
			   const uint8_t identity[static CURVE_SECRET_LEN],
			   uint64_t now) must_check;
int keys_new_seal_key(struct db *db, const struct sys *sys,
		      const struct account_id *account, uint32_t device,
		      const struct secret *auth, uint64_t now) must_check;

#endif
