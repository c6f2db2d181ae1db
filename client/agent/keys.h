/* The account's own keys in its database: creation, device list, bundle,
 * prekeys, rotation. */
#ifndef SOTTO_KEYS_H
#define SOTTO_KEYS_H

#include <stdbool.h>
#include <stdint.h>

#include "db.h"
#include "err.h"
#include "identity.h"
#include "sys.h"

struct keys {
	struct account_id account;
	uint32_t device;
	struct device_list list;		/* own, verified */
	struct secret *auth_secret;		/* SIGN_SECRET_LEN */
	uint8_t root[SIGN_PUBLIC_LEN];
};

enum {
	SIGNED_PREKEY_AGE = 7 * 24 * 3600,	/* seconds, then rotate; seal key too */
	SEAL_KEY_KEEP = 30 * 24 * 3600,		/* seconds a private half is kept */
	/* 30 days beyond the relay's retention. */
	SIGNED_PREKEY_KEEP = SEAL_KEY_KEEP + 7 * 24 * 3600,
	PREKEYS_REFILL_BELOW = 50,
	PREKEYS_TARGET = 100,
	/* Private halves; a relay that wants ever more does not fill the disk. */
	PREKEYS_KEPT = 10000,
};

/* In an open transaction: makes root, list key, device, identity key, auth key,
 * seal key, signed prekey; stores all but the root's secret, whose seed goes to
 * recovery (RECOVERY_SEED_LEN, the caller destroys it). ERR_EXISTS when there is
 * an account. */
int keys_create(struct db *db, const struct sys *sys,
		struct secret **recovery) must_check;
int keys_load(struct db *db, struct keys **out) must_check;	/* ERR_NOT_FOUND */
void keys_destroy(struct keys *k);	/* takes NULL */

/* Encodings to upload: appended to out. */
int keys_list_encoded(struct db *db, struct buf *out) must_check;
int keys_bundle_encoded(struct db *db, struct buf *out) must_check;
/* Rotates signed prekey and seal key when they are due and drops private halves
 * kept long enough; *changed: upload the bundle. In a transaction. */
int keys_rotate(struct db *db, const struct keys *k, const struct sys *sys,
		bool *changed) must_check;
/* Makes n fresh one-time prekeys (ids go on growing), stores the private halves
 * and fills ids and public keys. In a transaction. */
int keys_make_prekeys(struct db *db, const struct sys *sys, size_t n,
		      uint32_t *ids,
		      uint8_t (*public_keys)[IDENTITY_KEY_LEN]) must_check;

/* Seal key pairs still held, newest first; returns how many, at most max, or an
 * error. Wipe them after use. */
struct seal_pair {
	uint8_t public_key[SEAL_KEY_LEN];
	uint8_t secret_key[SEAL_KEY_LEN];
};
int keys_seal_pairs(struct db *db, struct seal_pair *out, int max) must_check;

/* Own identity key pair and registration id, as libsignal wants them. */
int keys_identity(struct db *db, uint8_t public_key[static IDENTITY_KEY_LEN],
		  struct secret **secret, uint32_t *registration) must_check;

/* 60 digits in groups of 5, the same for both: the Signal numeric fingerprint
 * (5,200 rounds of SHA-512) over root keys and account ids. */
void safety_number(const uint8_t own_root[static SIGN_PUBLIC_LEN],
		   const uint8_t their_root[static SIGN_PUBLIC_LEN],
		   char out[static 72]);

#endif
