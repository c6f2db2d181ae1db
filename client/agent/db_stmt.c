#include "db_internal.h"

#include <assert.h>

static unsigned slot_of(const char *sql)
{
	uint64_t h = (uint64_t)(uintptr_t)sql * 0x9e3779b97f4a7c15u;

	return (unsigned)(h >> 56) % DB_STATEMENTS;
}

static sqlite3_stmt *compile(struct db *db, const char *sql)
{
	sqlite3_stmt *st = NULL;
	int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL);

	if (code == SQLITE_OK)
		return st;
	db->failed = db_failed(db, code, "prepare");
	return NULL;
}

struct sqlite3_stmt *db_prepare(struct db *db, const char *sql)
{
	unsigned i = slot_of(sql);

	while (db->cache[i].sql && db->cache[i].sql != sql)
		i = (i + 1) % DB_STATEMENTS;
	if (db->cache[i].sql) {
		sqlite3_reset(db->cache[i].st);
		sqlite3_clear_bindings(db->cache[i].st);
		return db->cache[i].st;
	}
	/* Fuller than this, somebody does not pass literals. */
	assert(db->n_cached < DB_STATEMENTS - 1);
	db->cache[i].st = compile(db, sql);
	if (!db->cache[i].st)
		return NULL;
	db->cache[i].sql = sql;
	db->n_cached++;
	return db->cache[i].st;
}

void db_reset_all(struct db *db)
{
	for (unsigned i = 0; i < DB_STATEMENTS; i++)
		if (db->cache[i].st && sqlite3_stmt_busy(db->cache[i].st))
			sqlite3_reset(db->cache[i].st);
}

void db_finalize_all(struct db *db)
{
	for (unsigned i = 0; i < DB_STATEMENTS; i++)
		sqlite3_finalize(db->cache[i].st);
	memset(db->cache, 0, sizeof(db->cache));
	db->n_cached = 0;
}

struct sqlite3_stmt *db_query(struct db *db, const char *sql)
{
	return compile(db, sql);
}

void db_query_end(struct sqlite3_stmt *st)
{
	sqlite3_finalize(st);
}

void db_bind_int(struct sqlite3_stmt *st, int i, int64_t v)
{
	int code;

	if (!st)
		return;
	code = sqlite3_bind_int64(st, i, v);
	assert(code == SQLITE_OK);
	(void)code;
}

/* Wrong indexes are our bugs; SQLite's lack of memory ends the process as every
 * other does. */
static void bound(int code)
{
	if (code == SQLITE_NOMEM) {
		fputs("sotto: out of memory\n", stderr);
		abort();
	}
	assert(code == SQLITE_OK);
}

void db_bind_blob(struct sqlite3_stmt *st, int i, const void *data, size_t len)
{
	if (!st)
		return;
	/* A NULL pointer would bind NULL. */
	bound(sqlite3_bind_blob64(st, i, len ? data : "", len,
				  SQLITE_TRANSIENT));
}

void db_bind_text(struct sqlite3_stmt *st, int i, const char *text)
{
	if (!st)
		return;
	bound(sqlite3_bind_text(st, i, text, -1, SQLITE_TRANSIENT));
}

int db_step(struct db *db, struct sqlite3_stmt *st)
{
	int code;

	if (db->open && db->lost)
		return db->lost;
	if (!st)
		return db->failed;
	code = sqlite3_step(st);
	if (code == SQLITE_ROW)
		return 1;
	sqlite3_reset(st);
	return code == SQLITE_DONE ? OK : db_failed(db, code, "step");
}

int db_run(struct db *db, struct sqlite3_stmt *st)
{
	int r = db_step(db, st);

	db_done(st);
	return r < 0 ? r : OK;
}

void db_done(struct sqlite3_stmt *st)
{
	if (!st)
		return;
	sqlite3_reset(st);
	/* The copies may be secrets. */
	sqlite3_clear_bindings(st);
}

int64_t db_int(struct sqlite3_stmt *st, int col)
{
	return sqlite3_column_int64(st, col);
}

struct bytes db_blob(struct sqlite3_stmt *st, int col)
{
	struct bytes b;

	b.data = sqlite3_column_blob(st, col);
	b.len = (size_t)sqlite3_column_bytes(st, col);
	return b;
}

const char *db_text(struct sqlite3_stmt *st, int col)
{
	return (const char *)sqlite3_column_text(st, col);
}

int64_t db_changes(struct db *db)
{
	return sqlite3_changes(db->sqlite);
}

int64_t db_last_id(struct db *db)
{
	return sqlite3_last_insert_rowid(db->sqlite);
}
