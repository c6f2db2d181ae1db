/* What the files of history share; nobody else includes it. */
#ifndef SOTTO_HISTORY_INTERNAL_H
#define SOTTO_HISTORY_INTERNAL_H

#include "history.h"

#define MESSAGE_COLUMNS \
	"message.row, message.id, message.contact, message.outgoing," \
	" message.device, message.counter, message.clock, message.sent_at," \
	" message.received_at, message.state, message.unread, message.hash," \
	" message.envelope, message.text, message.why"

/* Calls fn for each row of a statement of db_query, and ends it. */
int message_each(struct db *db, struct sqlite3_stmt *st,
		 int (*fn)(void *ctx, const struct message *m),
		 void *ctx) must_check;
/* Indexes what waits for it. */
int history_index(struct db *db) must_check;

#endif
