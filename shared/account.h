/* Account ids, and the recovery key that is an account's root. */
#ifndef SOTTO_ACCOUNT_H
#define SOTTO_ACCOUNT_H

#include <stdbool.h>
#include <stdint.h>

#include "base32.h"
#include "err.h"
#include "sign.h"

enum {
	ACCOUNT_LEN = 20,
	ACCOUNT_TEXT_LEN = BASE32_LEN(ACCOUNT_LEN),	/* 32 characters */
	RECOVERY_SEED_LEN = 32,
	/* seed and 3 bytes of checksum, 56 characters, in groups of 7 by '-' */
	RECOVERY_TEXT_LEN = 63,
};

struct account_id {
	uint8_t b[ACCOUNT_LEN];
};

/* The first 20 bytes of BLAKE2b-256 of the root public key. */
struct account_id account_from_root(const uint8_t root[static SIGN_PUBLIC_LEN]);
bool account_equal(const struct account_id *a, const struct account_id *b);
int account_compare(const struct account_id *a, const struct account_id *b);
/* text takes ACCOUNT_TEXT_LEN characters and a NUL. */
void account_text(const struct account_id *a,
		  char text[static ACCOUNT_TEXT_LEN + 1]);
/* NUL-terminated text; ERR_FORMAT. */
int account_parse(const char *text, struct account_id *out) must_check;

/* The recovery key as a person writes it down. Wipe text after use. */
void recovery_text(const uint8_t seed[static RECOVERY_SEED_LEN],
		   char text[static RECOVERY_TEXT_LEN + 1]);
/* Takes any case, spaces and hyphens. ERR_FORMAT for a wrong length or
 * character, ERR_SIGNATURE for a wrong checksum (a typing error). */
int recovery_parse(const char *text,
		   uint8_t seed[static RECOVERY_SEED_LEN]) must_check;

#endif
