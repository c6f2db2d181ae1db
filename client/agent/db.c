#include "db_internal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sodium.h>
#include <unistd.h>

#include "log.h"
#include "schema.h"

/* x'…' around the key's hex digits. */
enum { KEY_TEXT_LEN = 2 * DB_KEY_LEN + 3 };

static int map_code(int code, int system_errno)
{
	switch (code & 0xff) {
	case SQLITE_OK:
	case SQLITE_ROW:
	case SQLITE_DONE:
		return OK;
	case SQLITE_FULL:
	case SQLITE_READONLY:
		return ERR_NO_SPACE;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		return system_errno == ENOSPC || system_errno == EROFS ||
		       system_errno == EDQUOT ? ERR_NO_SPACE : ERR_STORE;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_MISMATCH:
		return ERR_CORRUPT;
	case SQLITE_CONSTRAINT:
		return ERR_EXISTS;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
		return ERR_LOCKED;
	default:
		return ERR_STORE;
	}
}

int db_failed(struct db *db, int code, const char *what)
{
	int r = map_code(code, sqlite3_system_errno(db->sqlite));

	if (r < 0 && r != ERR_EXISTS)
		log_error("database, %s: %s (%d)", what,
			  sqlite3_errmsg(db->sqlite),
			  sqlite3_extended_errcode(db->sqlite));
	/* After some errors SQLite has taken the transaction back; what follows
	 * would be committed statement by statement. */
	if (r < 0 && db->open && !db->lost &&
	    sqlite3_get_autocommit(db->sqlite))
		db->lost = r;
	return r;
}

/* Runs SQL without rows. */
static int run_sql(struct db *db, const char *sql)
{
	int code = sqlite3_exec(db->sqlite, sql, NULL, NULL, NULL);

	return code == SQLITE_OK ? OK : db_failed(db, code, "execute");
}

/* An int from a PRAGMA or a SELECT; fallback when there is no row. */
static int query_int(struct db *db, const char *sql, int fallback, int *out)
{
	sqlite3_stmt *st;
	int code = sqlite3_prepare_v2(db->sqlite, sql, -1, &st, NULL);

	if (code != SQLITE_OK)
		return db_failed(db, code, "query");
	code = sqlite3_step(st);
	*out = code == SQLITE_ROW ? sqlite3_column_int(st, 0) : fallback;
	sqlite3_finalize(st);
	return map_code(code, 0) == OK ? OK : db_failed(db, code, "query");
}

static int set_key(struct db *db, const struct secret *key)
{
	struct secret *text = secret_create(KEY_TEXT_LEN + 1);
	char *t = (char *)text->data;
	int code;

	assert(key->len == DB_KEY_LEN);
	t[0] = 'x';
	t[1] = '\'';
	sodium_bin2hex(t + 2, 2 * DB_KEY_LEN + 1, key->data, key->len);
	t[KEY_TEXT_LEN - 1] = '\'';
	code = sqlite3_key(db->sqlite, t, KEY_TEXT_LEN);
	secret_destroy(text);
	return code == SQLITE_OK ? OK : db_failed(db, code, "key");
}

/* One file format under SQLCipher 3 and 4, that of 3 with larger pages: a store
 * survives an upgrade of the system, and going back. cipher_version answers as
 * "4.6.1 community", of which the int is 4. */
static int set_format(struct db *db)
{
	int major, r;

	r = query_int(db, "PRAGMA cipher_version", 0, &major);
	if (r < 0)
		return r;
	if (major < 3) {
		/* A SQLite without encryption would write plain text. */
		log_error("this SQLite cannot encrypt");
		return ERR_STORE;
	}
	if (major >= 4) {
		/* It would log to stderr by itself what is told by db_failed. */
		r = run_sql(db, "PRAGMA cipher_log_level = NONE;"
			    "PRAGMA cipher_compatibility = 3;");
		if (r < 0)
			return r;
	}
	return run_sql(db, "PRAGMA cipher_page_size = 4096");
}

/* The first read shows whether the key fits. */
static int try_key(struct db *db)
{
	int code = sqlite3_exec(db->sqlite, "SELECT count(*) FROM sqlite_master",
				NULL, NULL, NULL);

	if ((code & 0xff) == SQLITE_NOTADB)
		return ERR_KEY;
	return code == SQLITE_OK ? OK : db_failed(db, code, "open");
}

static int set_pragmas(struct db *db)
{
	return run_sql(db,
		       "PRAGMA journal_mode = WAL;"
		       "PRAGMA synchronous = FULL;"
		       "PRAGMA journal_size_limit = 4194304;"
		       "PRAGMA temp_store = MEMORY;"
		       "PRAGMA secure_delete = ON;");
}

static int migrate(struct db *db)
{
	char set[64];
	int version, r;

	r = query_int(db, "PRAGMA user_version", 0, &version);
	if (r < 0)
		return r;
	if (version > schema_version)
		return ERR_STALE;
	if (version < 0)
		return ERR_CORRUPT;
	for (; version < schema_version; version++) {
		r = db_begin(db);
		if (r < 0)
			return r;
		snprintf(set, sizeof(set), "PRAGMA user_version = %d",
			 version + 1);
		r = run_sql(db, schema_migrations[version]);
		if (!r)
			r = run_sql(db, set);
		if (r < 0) {
			db_rollback(db);
			return r;
		}
		r = db_commit(db);
		if (r < 0)
			return r;
	}
	return OK;
}

/* SQLite would make the file readable to others; the files beside it inherit
 * its mode. */
static int make_file(const char *path)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

	if (fd >= 0) {
		close(fd);
		return OK;
	}
	log_error("database: %s", strerror(errno));
	return map_code(SQLITE_CANTOPEN, errno);
}

int db_open(const char *path, const struct secret *key, struct db **out)
{
	struct db *db;
	int code, r;

	r = make_file(path);
	if (r < 0)
		return r;
	db = xcalloc(1, sizeof(*db));
	code = sqlite3_open_v2(path, &db->sqlite,
			       SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX,
			       NULL);
	if (code != SQLITE_OK) {
		r = db_failed(db, code, "open");
		goto fail;
	}
	sqlite3_extended_result_codes(db->sqlite, 1);
	sqlite3_busy_timeout(db->sqlite, 2000);
	r = set_key(db, key);
	if (!r)
		r = set_format(db);
	if (!r)
		r = try_key(db);
	if (!r)
		r = set_pragmas(db);
	if (!r)
		r = migrate(db);
	if (r < 0)
		goto fail;
	*out = db;
	return OK;
fail:
	db_close(db);
	return r;
}

void db_close(struct db *db)
{
	if (!db)
		return;
	db_rollback(db);
	db_finalize_all(db);
	sqlite3_close_v2(db->sqlite);
	free(db);
}

int db_begin(struct db *db)
{
	int r;

	assert(!db->open);
	r = run_sql(db, "BEGIN IMMEDIATE");
	if (r < 0)
		return r;
	db->open = true;
	db->depth = 0;
	db->lost = OK;
	return OK;
}

static int run_hooks(struct db *db)
{
	int r = OK;

	for (unsigned i = 0; i < db->n_hooks && !r; i++)
		r = db->hooks[i](db);
	db->n_hooks = 0;
	return r;
}

int db_commit(struct db *db)
{
	int r = db->lost;

	assert(db->open);
	if (!r)
		r = run_hooks(db);
	if (!r) {
		db_reset_all(db);
		r = run_sql(db, "COMMIT");
	}
	if (r < 0) {
		db_rollback(db);
		return r;
	}
	db->open = false;
	return OK;
}

void db_rollback(struct db *db)
{
	if (!db->open)
		return;
	db_reset_all(db);
	db->open = false;
	db->depth = 0;
	db->lost = OK;
	db->n_hooks = 0;
	/* When it fails, SQLite has rolled back itself. */
	if (!sqlite3_get_autocommit(db->sqlite))
		sqlite3_exec(db->sqlite, "ROLLBACK", NULL, NULL, NULL);
}

int db_savepoint(struct db *db)
{
	int r = db->lost;

	assert(db->open);
	if (!r)
		r = db_run(db, db_prepare(db, "SAVEPOINT s"));
	if (!r)
		db->depth++;
	return r;
}

int db_release(struct db *db)
{
	int r = db->lost;

	assert(db->open && db->depth);
	if (!r)
		r = db_run(db, db_prepare(db, "RELEASE s"));
	if (!r)
		db->depth--;
	return r;
}

void db_rollback_savepoint(struct db *db)
{
	int r;

	assert(db->open && db->depth);
	db->depth--;
	if (db->lost)
		return;
	db_reset_all(db);
	r = run_sql(db, "ROLLBACK TO s; RELEASE s");
	/* What was to be taken back must not be committed. */
	if (r < 0 && !db->lost)
		db->lost = r;
}

void db_before_commit(struct db *db, int (*fn)(struct db *db))
{
	for (unsigned i = 0; i < db->n_hooks; i++)
		if (db->hooks[i] == fn)
			return;
	assert(db->n_hooks < DB_HOOKS);
	db->hooks[db->n_hooks++] = fn;
}
