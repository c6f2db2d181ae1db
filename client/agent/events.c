#include "events.h"

enum {
	DAY_MS = 24 * 3600 * 1000,
	KEEP_DAYS = 30,
	PRUNE_AT_ONCE = 10000,	/* events; the rest goes another time */
};

int events_append(struct db *db, const char *type, const char *json,
		  int64_t *seq)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "INSERT INTO event (type, json) VALUES (?, ?)");
	int r;

	db_bind_text(st, 1, type);
	db_bind_text(st, 2, json);
	r = db_run(db, st);
	if (!r)
		*seq = db_last_id(db);
	return r;
}

int events_read(struct db *db, int64_t after, int limit,
		int (*fn)(void *ctx, int64_t seq, const char *type,
			  const char *json),
		void *ctx)
{
	struct sqlite3_stmt *st = db_query(
		db, "SELECT seq, type, json FROM event WHERE seq > ?"
		" ORDER BY seq LIMIT ?");
	int r;

	db_bind_int(st, 1, after);
	db_bind_int(st, 2, limit);
	while ((r = db_step(db, st)) > 0) {
		r = fn(ctx, db_int(st, 0), db_text(st, 1), db_text(st, 2));
		if (r)
			break;
	}
	db_query_end(st);
	return r;
}

int events_last(struct db *db, int64_t *seq)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT ifnull(max(seq), 0) FROM event");
	int r = db_step(db, st);

	if (r > 0)
		*seq = db_int(st, 0);
	db_done(st);
	return r < 0 ? r : OK;
}

static int cursor_get(struct db *db, const char *name, int64_t *acked)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT acked FROM cursor WHERE name = ?");
	int r;

	db_bind_text(st, 1, name);
	r = db_step(db, st);
	if (r > 0)
		*acked = db_int(st, 0);
	db_done(st);
	return r > 0 ? OK : r < 0 ? r : ERR_NOT_FOUND;
}

static int cursor_put(struct db *db, const char *name, int64_t acked)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "INSERT OR REPLACE INTO cursor (name, acked) VALUES (?, ?)");

	db_bind_text(st, 1, name);
	db_bind_int(st, 2, acked);
	return db_run(db, st);
}

int cursor_open_at(struct db *db, const char *name, int64_t seq, int64_t *acked,
		   bool *created)
{
	int64_t at = 0, last = 0;
	int r = cursor_get(db, name, &at);
	bool is_new = r == ERR_NOT_FOUND;

	if (is_new) {
		r = events_last(db, &last);
		at = seq > last ? last : seq < 0 ? 0 : seq;
		if (!r)
			r = cursor_put(db, name, at);
	}
	if (r < 0)
		return r;
	*acked = at;
	*created = is_new;
	return OK;
}

int cursor_open(struct db *db, const char *name, int64_t *acked, bool *created)
{
	return cursor_open_at(db, name, INT64_MAX, acked, created);
}

int cursor_ack(struct db *db, const char *name, int64_t seq)
{
	int64_t acked, last = 0;
	int r = cursor_get(db, name, &acked);

	if (!r)
		r = events_last(db, &last);
	if (r < 0)
		return r;
	if (seq > last)
		return ERR_USAGE;
	return seq <= acked ? OK : cursor_put(db, name, seq);
}

int sendkey_get(struct db *db, const char *key, const uint8_t digest[static 32],
		uint8_t id[static 16])
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT digest, id FROM sendkey WHERE key = ?");
	struct bytes d, i;
	int r;

	db_bind_text(st, 1, key);
	r = db_step(db, st);
	if (r <= 0)
		return r < 0 ? r : ERR_NOT_FOUND;
	d = db_blob(st, 0);
	i = db_blob(st, 1);
	if (d.len != 32 || i.len != 16)
		r = ERR_CORRUPT;
	else
		r = memcmp(d.data, digest, 32) == 0 ? OK : ERR_CONFLICT;
	if (!r)
		memcpy(id, i.data, 16);
	db_done(st);
	return r;
}

int sendkey_put(struct db *db, const char *key, const uint8_t digest[static 32],
		const uint8_t id[static 16], uint64_t now_ms)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "INSERT OR REPLACE INTO sendkey (key, digest, id, at)"
		" VALUES (?, ?, ?, ?)");

	db_bind_text(st, 1, key);
	db_bind_blob(st, 2, digest, 32);
	db_bind_blob(st, 3, id, 16);
	db_bind_int(st, 4, (int64_t)now_ms);
	return db_run(db, st);
}

/* Which event is the last of today, unless somebody noted it before. */
static int note_day(struct db *db, uint64_t now_ms)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "INSERT OR IGNORE INTO event_day (at, seq)"
		" SELECT ?, ifnull(max(seq), 0) FROM event");

	db_bind_int(st, 1, (int64_t)(now_ms / DAY_MS));
	return db_run(db, st);
}

/* Runs sql with the newest day that is old enough. */
static int prune_with(struct db *db, const char *sql, uint64_t v)
{
	struct sqlite3_stmt *st = db_prepare(db, sql);

	db_bind_int(st, 1, (int64_t)v);
	return db_run(db, st);
}

int events_prune(struct db *db, uint64_t now_ms)
{
	uint64_t today = now_ms / DAY_MS;
	struct sqlite3_stmt *st;
	int r;

	if (today < KEEP_DAYS)
		return OK;
	r = note_day(db, now_ms);
	if (r < 0)
		return r;
	st = db_prepare(db, "DELETE FROM event WHERE seq IN"
			" (SELECT seq FROM event WHERE seq <="
			"  (SELECT ifnull(max(seq), 0) FROM event_day"
			"   WHERE at <= ?1)"
			"  AND seq <= (SELECT ifnull(min(acked), ?2)"
			"   FROM cursor)"
			"  AND seq < (SELECT max(seq) FROM event)"
			"  ORDER BY seq LIMIT ?3)");
	db_bind_int(st, 1, (int64_t)(today - KEEP_DAYS));
	db_bind_int(st, 2, INT64_MAX);
	db_bind_int(st, 3, PRUNE_AT_ONCE);
	r = db_run(db, st);
	/* The newest old day stays: events that a cursor kept are still its. */
	if (!r)
		r = prune_with(db, "DELETE FROM event_day WHERE at <"
			       " (SELECT max(at) FROM event_day WHERE at <= ?)",
			       today - KEEP_DAYS);
	if (!r)
		r = prune_with(db, "DELETE FROM sendkey WHERE at < ?",
			       (today - KEEP_DAYS) * DAY_MS);
	return r;
}
