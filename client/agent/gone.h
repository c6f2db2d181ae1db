/* What is kept of somebody who was removed: how far the counters had come, so that
 * a conversation that begins again goes on where the other side stands. By a hash
 * of the account id alone. */
#ifndef SOTTO_GONE_H
#define SOTTO_GONE_H

#include "contacts.h"

/* Both in a transaction; errors of the store. */
int gone_keep(struct db *db, const struct contact *c) must_check;
/* Fills the counters of a contact that is to be stored anew; nothing when it was
 * never there. */
int gone_recall(struct db *db, struct contact *c) must_check;
/* The hash of our content with that counter, the last one before the removal.
 * ERR_NOT_FOUND. */
int gone_hash(struct db *db, const struct account_id *account, uint64_t counter,
	      uint8_t out[static HASH_LEN]) must_check;

#endif
