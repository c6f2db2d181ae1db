#include "outbox.h"

#define COLUMNS \
	"row, contact, kind, message, envelope, encrypted, created_at," \
	" attempts, bytes"

int outbox_add(struct db *db, struct outbox_entry *e)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "INSERT INTO outbox (contact, kind, message, envelope,"
		" encrypted, created_at, attempts, bytes)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?)");
	int r;

	db_bind_int(st, 1, e->contact);
	db_bind_int(st, 2, e->kind);
	db_bind_blob(st, 3, e->message, sizeof(e->message));
	db_bind_blob(st, 4, e->envelope, sizeof(e->envelope));
	db_bind_int(st, 5, e->encrypted);
	db_bind_int(st, 6, (int64_t)e->created_at);
	db_bind_int(st, 7, e->attempts);
	db_bind_blob(st, 8, e->bytes.data, e->bytes.len);
	r = db_run(db, st);
	if (!r)
		e->row = db_last_id(db);
	return r;
}

static int read_row(struct sqlite3_stmt *st, struct outbox_entry *out)
{
	struct bytes message = db_blob(st, 3), envelope = db_blob(st, 4);
	struct outbox_entry e = {
		.row = db_int(st, 0),
		.contact = db_int(st, 1),
		.kind = (enum outbox_kind)db_int(st, 2),
		.encrypted = db_int(st, 5) != 0,
		.created_at = (uint64_t)db_int(st, 6),
		.attempts = (uint32_t)db_int(st, 7),
	};
	struct bytes bytes = db_blob(st, 8);

	if (message.len != sizeof(e.message) ||
	    envelope.len != sizeof(e.envelope))
		return ERR_CORRUPT;
	memcpy(e.message, message.data, sizeof(e.message));
	memcpy(e.envelope, envelope.data, sizeof(e.envelope));
	buf_init(&e.bytes, OUTBOX_BYTES_MAX);
	if (buf_append(&e.bytes, bytes.data, bytes.len) < 0)
		return ERR_CORRUPT;
	*out = e;
	return OK;
}

int outbox_next(struct db *db, int64_t contact, int64_t after,
		struct outbox_entry *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " COLUMNS " FROM outbox"
		" WHERE contact = ? AND row > ? ORDER BY row LIMIT 1");
	int r;

	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, after);
	r = db_step(db, st);
	if (r <= 0)
		return r < 0 ? r : ERR_NOT_FOUND;
	r = read_row(st, out);
	db_done(st);
	return r;
}

int outbox_first(struct db *db, int64_t contact, struct outbox_entry *out)
{
	return outbox_next(db, contact, 0, out);
}

int outbox_first_clear(struct db *db, int64_t contact,
		       struct outbox_entry *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " COLUMNS " FROM outbox"
		" WHERE contact = ? AND encrypted = 0 ORDER BY row LIMIT 1");
	int r;

	db_bind_int(st, 1, contact);
	r = db_step(db, st);
	if (r <= 0)
		return r < 0 ? r : ERR_NOT_FOUND;
	r = read_row(st, out);
	db_done(st);
	return r;
}

int outbox_encrypted(struct db *db, const struct outbox_entry *e)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "UPDATE outbox SET envelope = ?, encrypted = 1, bytes = ?"
		" WHERE row = ?");
	int r;

	db_bind_blob(st, 1, e->envelope, sizeof(e->envelope));
	db_bind_blob(st, 2, e->bytes.data, e->bytes.len);
	db_bind_int(st, 3, e->row);
	r = db_run(db, st);
	return r < 0 || db_changes(db) ? r : ERR_NOT_FOUND;
}

int outbox_remove(struct db *db, int64_t row)
{
	struct sqlite3_stmt *st =
		db_prepare(db, "DELETE FROM outbox WHERE row = ?");

	db_bind_int(st, 1, row);
	return db_run(db, st);
}

int outbox_attempted(struct db *db, int64_t row)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "UPDATE outbox SET attempts = attempts + 1 WHERE row = ?");

	db_bind_int(st, 1, row);
	return db_run(db, st);
}

int outbox_lanes(struct db *db, int (*fn)(void *ctx, int64_t contact),
		 void *ctx)
{
	struct sqlite3_stmt *st = db_query(
		db, "SELECT contact FROM outbox GROUP BY contact"
		" ORDER BY min(row)");
	int r;

	while ((r = db_step(db, st)) > 0) {
		r = fn(ctx, db_int(st, 0));
		if (r)
			break;
	}
	db_query_end(st);
	return r;
}

int outbox_count(struct db *db, int64_t *count)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT count(*) FROM outbox");
	int r = db_step(db, st);

	if (r > 0)
		*count = db_int(st, 0);
	db_done(st);
	return r < 0 ? r : OK;
}
