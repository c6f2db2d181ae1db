#include "db.h"

static struct sqlite3_stmt *select_value(struct db *db, const char *name)
{
	struct sqlite3_stmt *st =
		db_prepare(db, "SELECT value FROM value WHERE name = ?");

	db_bind_text(st, 1, name);
	return st;
}

int db_get(struct db *db, const char *name, struct buf *out)
{
	struct sqlite3_stmt *st = select_value(db, name);
	struct bytes b;
	int r = db_step(db, st);

	if (r == 0)
		return ERR_NOT_FOUND;
	if (r < 0)
		return r;
	b = db_blob(st, 0);
	r = b.len > DB_VALUE_MAX ? ERR_TOO_BIG :
	    buf_append(out, b.data, b.len);
	db_done(st);
	return r;
}

int db_get_int(struct db *db, const char *name, int64_t *out)
{
	struct sqlite3_stmt *st = select_value(db, name);
	int r = db_step(db, st);

	if (r == 0)
		return ERR_NOT_FOUND;
	if (r < 0)
		return r;
	*out = db_int(st, 0);
	db_done(st);
	return OK;
}

static struct sqlite3_stmt *replace_value(struct db *db, const char *name)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "INSERT OR REPLACE INTO value (name, value) VALUES (?, ?)");

	db_bind_text(st, 1, name);
	return st;
}

int db_put(struct db *db, const char *name, const void *data, size_t len)
{
	struct sqlite3_stmt *st = replace_value(db, name);

	db_bind_blob(st, 2, data, len);
	return db_run(db, st);
}

int db_put_int(struct db *db, const char *name, int64_t v)
{
	struct sqlite3_stmt *st = replace_value(db, name);

	db_bind_int(st, 2, v);
	return db_run(db, st);
}
