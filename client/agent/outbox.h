/* What has to go out: durable, in a lane for each contact, first in first out. */
#ifndef SOTTO_OUTBOX_H
#define SOTTO_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"
#include "db.h"
#include "history.h"

enum outbox_kind {
	OUTBOX_TEXT = 1,	/* a message of the history: has states */
	OUTBOX_CONTROL = 2,	/* receipts, repairs, introductions, resends */
};

/* An entry is first a content to encrypt (no session yet, or others wait before
 * it), then the finished bytes of a Send, which alone are retried. */
struct outbox_entry {
	int64_t row;			/* order */
	int64_t contact;
	enum outbox_kind kind;
	uint8_t message[MESSAGE_ID_LEN];
	uint8_t envelope[16];		/* Send.id; zeros until encrypted */
	bool encrypted;
	uint64_t created_at;		/* ms UTC */
	uint32_t attempts;
	struct buf bytes;		/* encoded Content, or encoded Send */
};

enum { OUTBOX_BYTES_MAX = 256 * 1024 };	/* of bytes */

/* bytes is the caller's. */
int outbox_add(struct db *db, struct outbox_entry *e) must_check;	/* sets row */
/* The lane's first; ERR_NOT_FOUND when empty. Finish out->bytes. */
int outbox_first(struct db *db, int64_t contact, struct outbox_entry *out) must_check;
/* The next of the lane after a row: a lane may have several in flight. */
int outbox_next(struct db *db, int64_t contact, int64_t after, struct outbox_entry *out) must_check;
/* The lane's first that is not encrypted yet. ERR_NOT_FOUND. */
int outbox_first_clear(struct db *db, int64_t contact,
		       struct outbox_entry *out) must_check;
/* Replaces the content by envelope and bytes of the Send. ERR_NOT_FOUND when the
 * row is gone. */
int outbox_encrypted(struct db *db, const struct outbox_entry *e) must_check;
int outbox_remove(struct db *db, int64_t row) must_check;
int outbox_attempted(struct db *db, int64_t row) must_check;
/* Contacts that have something waiting, the longest waiting first. */
int outbox_lanes(struct db *db, int (*fn)(void *ctx, int64_t contact), void *ctx) must_check;
int outbox_count(struct db *db, int64_t *count) must_check;

#endif
