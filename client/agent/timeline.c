#include "timeline.h"

enum { SOME = 256 };

/* The message whose row the statement gives. */
static int one(struct db *db, struct sqlite3_stmt *st, struct message *out)
{
	int64_t row;
	int ret = db_step(db, st);

	if (ret <= 0)
		return ret ? ret : ERR_NOT_FOUND;
	row = db_int(st, 0);
	db_done(st);
	return history_get_row(db, row, out);
}

int timeline_by_envelope(struct db *db, int64_t contact,
			 const uint8_t envelope[static 16],
			 struct message *out)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"SELECT row FROM message WHERE envelope = ? AND outgoing = 1"
		" AND contact = ?");

	db_bind_blob(st, 1, envelope, 16);
	db_bind_int(st, 2, contact);
	return one(db, st, out);
}

int timeline_set_envelope(struct db *db, int64_t contact,
			  const uint8_t id[static MESSAGE_ID_LEN],
			  const uint8_t envelope[static 16])
{
	struct sqlite3_stmt *st = db_prepare(db,
		"UPDATE message SET envelope = ?"
		" WHERE id = ? AND contact = ? AND outgoing = 1");

	db_bind_blob(st, 1, envelope, 16);
	db_bind_blob(st, 2, id, MESSAGE_ID_LEN);
	db_bind_int(st, 3, contact);
	return db_run(db, st);
}

int timeline_undecryptable(struct db *db, int64_t contact,
			   const uint8_t envelope[static 16],
			   struct message *out)
{
	/* There are few placeholders; id is the envelope's, see repair.c. */
	struct sqlite3_stmt *st = db_prepare(db,
		"SELECT row FROM message WHERE id = ? AND contact = ?"
		" AND outgoing = 0 AND state = 12");

	db_bind_blob(st, 1, envelope, 16);
	db_bind_int(st, 2, contact);
	return one(db, st, out);
}

int timeline_count_undecryptable(struct db *db, int64_t contact,
				 int64_t *count)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"SELECT count(*) FROM (SELECT 1 FROM message"
		" WHERE contact = ? AND outgoing = 0 AND counter = 0"
		" AND state = 12 LIMIT 1000)");
	int ret;

	db_bind_int(st, 1, contact);
	ret = db_step(db, st);
	if (ret < 0)
		return ret;
	*count = ret ? db_int(st, 0) : 0;
	db_done(st);
	return OK;
}

int timeline_count(struct db *db, int64_t contact, int64_t max, int64_t *count)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"SELECT count(*) FROM (SELECT 1 FROM message"
		" WHERE contact = ? LIMIT ?)");
	int ret;

	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, max);
	ret = db_step(db, st);
	if (ret < 0)
		return ret;
	*count = ret ? db_int(st, 0) : 0;
	db_done(st);
	return OK;
}

int timeline_held(struct db *db,
		  int (*fn)(void *ctx, int64_t contact, uint32_t device),
		  void *ctx)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"SELECT DISTINCT contact, device FROM message"
		" WHERE state = 11");
	int ret;

	while ((ret = db_step(db, st)) == 1) {
		ret = fn(ctx, db_int(st, 0), (uint32_t)db_int(st, 1));
		if (ret)
			break;
	}
	db_done(st);
	return ret;
}

/* Rows first: fn may change what the statement walks over. */
static int each(struct db *db, struct sqlite3_stmt *st,
		int (*fn)(void *ctx, const struct message *m), void *ctx)
{
	int64_t rows[SOME];
	int n = 0, ret;

	while ((ret = db_step(db, st)) == 1 && n < SOME)
		rows[n++] = db_int(st, 0);
	db_done(st);
	if (ret > 0)
		ret = OK;
	for (int i = 0; i < n && !ret; i++) {
		struct message m;

		ret = history_get_row(db, rows[i], &m);
		if (ret)
			continue;
		ret = fn(ctx, &m);
		message_finish(&m);
	}
	return ret;
}

int timeline_unanswered(struct db *db, uint64_t before,
			int (*fn)(void *ctx, const struct message *m),
			void *ctx)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"SELECT row FROM message WHERE outgoing = 1 AND state = 2"
		" AND sent_at < ? ORDER BY sent_at LIMIT 256");

	db_bind_int(st, 1, (int64_t)before);
	return each(db, st, fn, ctx);
}

int timeline_seen(struct db *db, int64_t contact, uint32_t device,
		  uint64_t counter,
		  int (*fn)(void *ctx, const struct message *m), void *ctx)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"SELECT row FROM message WHERE contact = ? AND outgoing = 1"
		" AND device = ? AND counter BETWEEN ? AND ?"
		" AND state IN (1, 2) LIMIT 256");
	/* Those further back were answered by receipts, or are still to be. */
	uint64_t from = counter > SOME ? counter - SOME : 1;

	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, device);
	db_bind_int(st, 3, (int64_t)from);
	db_bind_int(st, 4, (int64_t)counter);
	return each(db, st, fn, ctx);
}
