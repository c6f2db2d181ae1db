/* Messages: storing, states, order, pages, search. */
#ifndef SOTTO_HISTORY_H
#define SOTTO_HISTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "account.h"
#include "db.h"

enum { MESSAGE_ID_LEN = 16, HISTORY_UNREAD_MAX = 1000 };

enum message_state {	/* outgoing: QUEUED up; incoming: RECEIVED or HELD */
	MESSAGE_QUEUED = 1,
	MESSAGE_SENT = 2,
	MESSAGE_DELIVERED = 3,
	MESSAGE_READ = 4,
	MESSAGE_FAILED = 5,		/* refused for good; why tells */
	MESSAGE_EXPIRED = 6,
	MESSAGE_RECEIVED = 10,
	MESSAGE_HELD = 11,		/* waits for those before it; not shown */
	MESSAGE_UNDECRYPTABLE = 12,	/* shown as such, replaced when it comes again */
	MESSAGE_GAP = 13,		/* something is missing here */
};

struct message {
	int64_t row;
	uint8_t id[MESSAGE_ID_LEN];
	int64_t contact;		/* row */
	bool outgoing;
	uint32_t device;		/* of its sender */
	uint64_t counter;
	uint64_t clock;			/* order of display, after causes */
	uint64_t sent_at;		/* ms UTC, the sender's clock */
	uint64_t received_at;
	enum message_state state;
	bool unread;			/* set by history_add for incoming ones that show */
	uint8_t hash[32];		/* content_hash */
	uint8_t envelope[16];
	const char *text;		/* heap in what read functions return */
	const char *why;
};

/* Stores and indexes. ERR_DUPLICATE when (contact, outgoing, device, id) is
 * there. Sets row and unread. */
int history_add(struct db *db, struct message *m) must_check;
/* A held message is shown from now on: RECEIVED, at this place. */
int history_show(struct db *db, int64_t row, uint64_t clock) must_check;
/* The held message with the lowest counter of a device. ERR_NOT_FOUND. */
int history_first_held(struct db *db, int64_t contact, uint32_t device,
		       struct message *out) must_check;
/* Takes a placeholder out when what it stood for has come. */
int history_remove(struct db *db, int64_t row) must_check;
/* Of outgoing messages. States only go forward (queued, sent, delivered, read);
 * FAILED from queued or sent, EXPIRED from sent; a receipt that comes after all
 * still counts. *changed. ERR_NOT_FOUND. */
int history_set_state(struct db *db, const uint8_t id[static MESSAGE_ID_LEN],
		      enum message_state state, const char *why, bool *changed) must_check;
/* When two people chose the same id, one's own message, then the older. */
int history_get(struct db *db, const uint8_t id[static MESSAGE_ID_LEN],
		struct message *out) must_check;
int history_get_counter(struct db *db, int64_t contact, bool outgoing, uint32_t device,
			uint64_t counter, struct message *out) must_check;
int history_get_row(struct db *db, int64_t row, struct message *out) must_check;
void message_finish(struct message *m);

/* Shown messages of a contact, newest first, before the message `before` (or from
 * the end: NULL); or, with `after`, oldest first after that one. ERR_NOT_FOUND
 * when the contact has no such message. fn gets each; a nonzero return ends and
 * is returned. */
int history_page(struct db *db, int64_t contact, const uint8_t *before,
		 const uint8_t *after, int limit,
		 int (*fn)(void *ctx, const struct message *m), void *ctx) must_check;
/* All words (prefixes with a trailing '*'), newest first by arrival; CJK by
 * bigrams. Case and accents do not matter. ERR_FORMAT when there is no word in
 * words, ERR_TOO_BIG for more than 1,024 bytes or 64 of them. */
int history_search(struct db *db, const char *words, int64_t contact_or_0, int limit,
		   int (*fn)(void *ctx, const struct message *m), void *ctx) must_check;
/* Of a contact, or of all (0). Counts no further than HISTORY_UNREAD_MAX: bots
 * never read. */
int history_unread(struct db *db, int64_t contact_or_0, int64_t *count) must_check;
/* Marks incoming messages up to this one (in the order of display) read; fn gets
 * those that newly are. ERR_NOT_FOUND. In a transaction. */
int history_mark_read(struct db *db, int64_t contact,
		      const uint8_t upto[static MESSAGE_ID_LEN],
		      int (*fn)(void *ctx, const struct message *m), void *ctx) must_check;

#endif
