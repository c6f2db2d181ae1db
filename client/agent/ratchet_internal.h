/* What the files of ratchet share; nobody else includes it. */
#ifndef SOTTO_RATCHET_INTERNAL_H
#define SOTTO_RATCHET_INTERNAL_H

#include <signal/signal_protocol.h>

#include "ratchet.h"
#include "ratchet_crypto.h"

struct ratchet {
	struct db *db;
	struct ratchet_crypto *crypto;
	signal_context *context;
	signal_protocol_store_context *stores;
	uint8_t identity[IDENTITY_KEY_LEN];
	struct secret *identity_secret;
	uint32_t registration;
	/* The device that the running call is about; NULL between calls. */
	const struct account_id *account;
	const struct device_entry *entry;
	int failed;	/* why a store function failed */
};

/* Callbacks of libsignal answer with it; r->failed tells why. */
enum {
	RATCHET_STORE_FAILED = SG_ERR_MINIMUM - 1,
	RATCHET_CHECK_FAILED = SG_ERR_MINIMUM - 2,
};

/* Session and identity stores; prekey stores. 0 or libsignal's error. */
int ratchet_set_sessions(struct ratchet *r) must_check;
int ratchet_set_keys(struct ratchet *r) must_check;
/* Notes why and answers RATCHET_STORE_FAILED. */
int ratchet_store_failed(struct ratchet *r, int err);

#endif
