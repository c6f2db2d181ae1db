/* libsignal-protocol-c behind a small interface: sessions of X3DH and the Double
 * Ratchet with devices, kept in the database. Every call belongs in a
 * transaction of the caller's, which rolls back when it fails. */
#ifndef SOTTO_RATCHET_H
#define SOTTO_RATCHET_H

#include <stdbool.h>

#include "db.h"
#include "identity.h"
#include "relay.pb-c.h"

struct ratchet;

enum ratchet_kind { RATCHET_MESSAGE = 1, RATCHET_PREKEY = 2 };

enum {
	/* What a session with its archived states may take in the database. A
	 * peer that skips thousands of messages again and again ends there:
	 * ERR_UNDECRYPTABLE until the session is made anew. */
	RATCHET_SESSION_MAX = 512 * 1024,
};

/* Reads the account's identity key. ERR_NOT_FOUND without an account. */
int ratchet_create(struct db *db, struct ratchet **out) must_check;
void ratchet_destroy(struct ratchet *r);	/* takes NULL */

/* false too when the database does not answer. */
bool ratchet_has_session(struct ratchet *r, const struct account_id *account,
			 uint32_t device);
/* Forgets the account's sessions: the next is begun from a fresh bundle. */
int ratchet_forget(struct ratchet *r,
		   const struct account_id *account) must_check;
/* X3DH with a bundle that bundle_verify accepted, for a device of a verified
 * list; an existing session is archived. ERR_SIGNATURE for the signed prekey,
 * ERR_FORMAT for a key that is none, ERR_IDENTITY for a device outside of the
 * list, ERR_STORE and the like. */
int ratchet_start(struct ratchet *r, const struct device_list *list,
		  const Sotto__DeviceBundle *bundle) must_check;
/* The identity key must be the one in list, checked before the step.
 * ERR_IDENTITY, ERR_NOT_FOUND without a session. Appends to body. */
int ratchet_encrypt(struct ratchet *r, const struct device_list *list,
		    uint32_t device, const uint8_t *plain, size_t len,
		    enum ratchet_kind *kind, struct buf *body) must_check;
/* As ratchet_decrypt, but the plaintext goes to check alone, before anything is
 * stored: when it returns an error, that is returned and nothing has changed. So
 * a message that turns out wrong needs no rollback. */
int ratchet_decrypt_checked(struct ratchet *r, const struct device_list *list,
			    uint32_t device, enum ratchet_kind kind,
			    const uint8_t *body, size_t len,
			    int (*check)(void *ctx, const uint8_t *plain,
					 size_t len),
			    void *ctx) must_check;
/* list: the sender's, verified and not older than the one held. Appends to plain,
 * to be wiped after use. ERR_DUPLICATE, ERR_UNDECRYPTABLE, ERR_IDENTITY: then
 * nothing has been written. Others are failures of the store: the message must
 * come again. Removes the one-time prekey it used. */
int ratchet_decrypt(struct ratchet *r, const struct device_list *list,
		    uint32_t device, enum ratchet_kind kind,
		    const uint8_t *body, size_t len,
		    struct buf *plain) must_check;
/* The same, but check sees the plaintext before anything is written, and when it
 * returns an error, nothing is: the call ends with that. So a message whose
 * payload does not fit needs no savepoint to leave the session as it was. */
int ratchet_decrypt_checked(struct ratchet *r, const struct device_list *list,
			    uint32_t device, enum ratchet_kind kind,
			    const uint8_t *body, size_t len,
			    int (*check)(void *ctx, const uint8_t *plain,
					 size_t len),
			    void *ctx) must_check;

#endif
