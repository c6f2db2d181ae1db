#include "history_internal.h"

/* A message's place in the order of display. */
struct place {
	int64_t clock;
	int64_t row;
};

static int find_place(struct db *db, int64_t contact, const uint8_t *id,
		      struct place *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT clock, row FROM message"
		" WHERE id = ? AND contact = ?"
		" ORDER BY outgoing DESC, row LIMIT 1");
	int r;

	db_bind_blob(st, 1, id, MESSAGE_ID_LEN);
	db_bind_int(st, 2, contact);
	r = db_step(db, st);
	if (r <= 0)
		return r < 0 ? r : ERR_NOT_FOUND;
	*out = (struct place){ db_int(st, 0), db_int(st, 1) };
	db_done(st);
	return OK;
}

int history_page(struct db *db, int64_t contact, const uint8_t *before,
		 const uint8_t *after, int limit,
		 int (*fn)(void *ctx, const struct message *m), void *ctx)
{
	struct place at = { INT64_MAX, INT64_MAX };
	struct sqlite3_stmt *st;
	int r = OK;

	if (after)
		r = find_place(db, contact, after, &at);
	else if (before)
		r = find_place(db, contact, before, &at);
	if (r < 0)
		return r;
	/* The first comparison of the clock is for the index. */
	if (after)
		st = db_query(db, "SELECT " MESSAGE_COLUMNS " FROM message"
			      " WHERE contact = ?1 AND clock >= ?2 AND"
			      " (clock > ?2 OR row > ?3) AND state <> 11"
			      " ORDER BY clock, row LIMIT ?4");
	else
		st = db_query(db, "SELECT " MESSAGE_COLUMNS " FROM message"
			      " WHERE contact = ?1 AND clock <= ?2 AND"
			      " (clock < ?2 OR row < ?3) AND state <> 11"
			      " ORDER BY clock DESC, row DESC LIMIT ?4");
	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, at.clock);
	db_bind_int(st, 3, at.row);
	db_bind_int(st, 4, limit);
	return message_each(db, st, fn, ctx);
}

int history_unread(struct db *db, int64_t contact_or_0, int64_t *count)
{
	struct sqlite3_stmt *st;
	int r;

	if (contact_or_0) {
		st = db_prepare(db, "SELECT count(*) FROM"
				" (SELECT 1 FROM message WHERE unread = 1"
				"  AND contact = ?2 LIMIT ?1)");
		db_bind_int(st, 2, contact_or_0);
	} else {
		st = db_prepare(db, "SELECT count(*) FROM"
				" (SELECT 1 FROM message WHERE unread = 1"
				"  LIMIT ?1)");
	}
	db_bind_int(st, 1, HISTORY_UNREAD_MAX);
	r = db_step(db, st);
	if (r > 0)
		*count = db_int(st, 0);
	db_done(st);
	return r < 0 ? r : OK;
}

int history_mark_read(struct db *db, int64_t contact,
		      const uint8_t upto[static MESSAGE_ID_LEN],
		      int (*fn)(void *ctx, const struct message *m), void *ctx)
{
	struct sqlite3_stmt *st;
	struct place at;
	int r = find_place(db, contact, upto, &at);

	if (r < 0)
		return r;
	st = db_query(db, "SELECT " MESSAGE_COLUMNS " FROM message"
		      " WHERE contact = ?1 AND unread = 1 AND clock <= ?2"
		      " AND (clock < ?2 OR row <= ?3) ORDER BY clock, row");
	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, at.clock);
	db_bind_int(st, 3, at.row);
	r = message_each(db, st, fn, ctx);
	if (r)
		return r;
	st = db_prepare(db, "UPDATE message SET unread = 0"
			" WHERE contact = ?1 AND unread = 1 AND clock <= ?2"
			" AND (clock < ?2 OR row <= ?3)");
	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, at.clock);
	db_bind_int(st, 3, at.row);
	return db_run(db, st);
}
