/* Purpose-bound transcripts, and Ed25519 signatures and hashes over them. */
#ifndef SOTTO_SIGN_H
#define SOTTO_SIGN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "err.h"

enum {
	SIGN_PUBLIC_LEN = 32,
	SIGN_SECRET_LEN = 64,	/* libsodium's form: seed and public key */
	SIGN_LEN = 64,
	HASH_LEN = 32,		/* BLAKE2b-256, RFC 7693 */
	TRANSCRIPT_MAX = 8192,
};

/* "sotto/1 PURPOSE", then length-prefixed fields (see identity.proto). Lives on
 * the stack. Exceeding TRANSCRIPT_MAX is a bug of the caller's and asserts:
 * cap what a peer sizes first. */
struct transcript {
	uint8_t data[TRANSCRIPT_MAX];
	size_t len;
};

void transcript_init(struct transcript *t, const char *purpose);
void transcript_add(struct transcript *t, const void *data, size_t len);
void transcript_add_u64(struct transcript *t, uint64_t v);

void transcript_hash(const struct transcript *t, uint8_t out[static HASH_LEN]);
void transcript_sign(const struct transcript *t,
		     const uint8_t secret[static SIGN_SECRET_LEN],
		     uint8_t out[static SIGN_LEN]);
bool transcript_verify(const struct transcript *t,
		       const uint8_t public_key[static SIGN_PUBLIC_LEN],
		       const uint8_t signature[static SIGN_LEN]);

#endif
