/* Envelopes: a padded content under a fresh key, and sealed parts for devices.
 * No database, no network: keys in, bytes out. */
#ifndef SOTTO_ENVELOPE_H
#define SOTTO_ENVELOPE_H

#include "buf.h"
#include "content.pb-c.h"
#include "err.h"
#include "identity.h"
#include "keys.h"
#include "sys.h"

enum {
	CONTENT_KEY_LEN = 32,
	CONTENT_SECRET_LEN = 64,	/* content key, BLAKE2b-256 of the payload */
	TEXT_MAX = 30000,
	/* What a content may hold at most, see content_check. */
	CONTENT_SEEN_MAX = 2048,
	CONTENT_RECEIPTS_MAX = 512,
	CONTENT_RESEND_MAX = 512,
	INTRODUCTION_NAME_MAX = 128,	/* bytes */
};

/* Pads to a bucket (512, 2048, 8192, 32768) and encrypts: payload is nonce (24),
 * ciphertext, MAC (16), appended to an empty buffer. secret is the ratchet's
 * plaintext; wipe it after use. ERR_TOO_BIG. */
int envelope_encrypt(const struct sys *sys, const Sotto__Content *content,
		     uint8_t secret[static CONTENT_SECRET_LEN],
		     struct buf *payload) must_check;
/* ERR_SIGNATURE when payload is not the one secret names; ERR_FORMAT. Free the
 * content with sotto__content__free_unpacked. */
int envelope_decrypt(const uint8_t secret[static CONTENT_SECRET_LEN],
		     const uint8_t *payload, size_t len,
		     Sotto__Content **content) must_check;

/* Seals to a device's seal key with the envelope's ephemeral key pair: appends 320
 * bytes, 2,048 when there is a device list. ERR_TOO_BIG when that does not do,
 * ERR_SIGNATURE for a seal key that is no key (a point of low order). */
int envelope_seal(const Sotto__Sealed *sealed,
		  const uint8_t ephemeral_public[static 32],
		  const uint8_t ephemeral_secret[static 32],
		  const uint8_t seal_key[static SEAL_KEY_LEN], struct buf *out) must_check;
/* Tries the pairs in turn. ERR_SIGNATURE when none fits, ERR_FORMAT when sizes or
 * numbers of what it holds are wrong. Free it with sotto__sealed__free_unpacked. */
int envelope_unseal(const uint8_t ephemeral_public[static 32],
		    const uint8_t *sealed, size_t len,
		    const struct seal_pair *pairs, size_t n_pairs,
		    Sotto__Sealed **out) must_check;

/* Sizes, UTF-8, ranges of a content, before anything acts on it. A text has a
 * counter and is not empty. ERR_FORMAT. */
int content_check(const Sotto__Content *c) must_check;
/* See content.proto, Seen; of a content that content_check accepted. */
void content_hash(const Sotto__Content *c, const struct account_id *sender,
		  uint8_t out[static HASH_LEN]);
void conversation_id(const struct account_id *a, const struct account_id *b,
		     uint8_t out[static HASH_LEN]);

#endif
