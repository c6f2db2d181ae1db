/* People: contacts, requests and blocked ones, their device lists and the
 * capabilities exchanged with them. */
#ifndef SOTTO_CONTACTS_H
#define SOTTO_CONTACTS_H

#include <stdbool.h>
#include <stdint.h>

#include "capability.h"
#include "db.h"
#include "identity.h"
#include "url.h"

enum contact_state {
	CONTACT_ADDED = 1,	/* by link, or accepted */
	CONTACT_REQUEST = 2,	/* wrote first, not accepted */
	CONTACT_BLOCKED = 3,
};

enum contact_alert {	/* sending has stopped because of: */
	ALERT_NONE = 0,
	ALERT_ROLLBACK = 1,
	ALERT_FORK = 2,
};

enum { CONTACT_NAME_MAX = 128 };	/* bytes */

struct contact {
	int64_t row;			/* 0: not stored yet */
	struct account_id account;
	char name[CONTACT_NAME_MAX + 1];	/* one's own name for it, unique */
	char profile_name[CONTACT_NAME_MAX + 1];	/* what it calls itself */
	enum contact_state state;
	enum contact_alert alert;
	bool verified;
	char relay[RELAY_URL_MAX + 1];
	bool has_capability;
	uint8_t capability[CAPABILITY_LEN];	/* to send to it: its own, or the link's intro */
	bool has_given;
	uint8_t given[CAPABILITY_LEN];		/* what it sends to oneself with */
	bool answered;			/* holds our list and capability: no introduction needed */
	bool has_list;
	struct device_list list;	/* newest verified */
	uint32_t suite_seen;
	uint8_t last_hash[HASH_LEN];	/* of the newest content each way, for Seen */
	uint64_t sent_counter;		/* of our device in this conversation */
	uint64_t seen_counter;		/* of its device, shown in order */
	uint64_t read_upto;		/* clock of the newest message marked read */
};

/* All of these: ERR_NOT_FOUND; ERR_CORRUPT and other errors of the store. */
int contact_by_account(struct db *db, const struct account_id *a,
		       struct contact *out) must_check;
int contact_by_row(struct db *db, int64_t row, struct contact *out) must_check;
/* By the id of a capability that was ever given to it. */
int contact_by_given(struct db *db, const uint8_t id[static CAPABILITY_ID_LEN],
		     struct contact *out) must_check;
/* A contact's name (case-insensitive), or an account id. ERR_NOT_FOUND,
 * ERR_AMBIGUOUS. */
int contact_find(struct db *db, const char *to, struct contact *out) must_check;
/* Whether somebody may be called so: not like an account id or a group (+...), by
 * which others are addressed. As names are compared, so look-alikes of these are
 * none either. */
bool contact_name_ok(const char *name);
/* Calls c as it calls itself, but not "me" or "You": so front-ends call oneself. */
void contact_suggest_name(struct contact *c, const char *name);
/* Inserts or updates all fields, and remembers given among all that were; a new
 * contact's name is made unique by adding " 2", " 3" ... (one that may not be
 * becomes the begin of the account id). ERR_EXISTS when another contact has the name,
 * with case folded. */
int contact_save(struct db *db, struct contact *c) must_check;
/* Stores only what goes on with every message: suite_seen, last_hash and the
 * counters. Much cheaper: no index changes. */
int contact_progress(struct db *db, const struct contact *c) must_check;
/* Forgets it with its messages, outbox, ratchet sessions and keys; how far the
 * counters had come stays, see gone.h. In a transaction. */
int contact_remove(struct db *db, const struct contact *c) must_check;
/* How many requests wait for an answer. */
int contact_requests(struct db *db, int64_t *count) must_check;
/* By name. A nonzero return of fn ends and is returned. fn may change contacts. */
int contact_each(struct db *db, int (*fn)(void *ctx, const struct contact *c),
		 void *ctx) must_check;
/* Every capability that the contact was ever given, to revoke them. */
int contact_each_given(struct db *db, int64_t row,
		       int (*fn)(void *ctx,
				 const uint8_t cap[static CAPABILITY_LEN]),
		       void *ctx) must_check;

#endif
