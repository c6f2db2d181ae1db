/* The account's SQLCipher database: opening, transactions, statements. */
#ifndef SOTTO_DB_H
#define SOTTO_DB_H

#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "err.h"
#include "secret.h"

struct db;
struct sqlite3_stmt;

enum {
	DB_KEY_LEN = 32,
	DB_VALUE_MAX = 1024 * 1024,	/* bytes that db_get appends at most */
};

/* Opens or creates (mode 0600) path with a raw key of DB_KEY_LEN bytes; WAL,
 * synchronous=FULL, temp_store=MEMORY, secure_delete; brings the schema up.
 * ERR_KEY for a wrong key or a file that is no database of ours (when the vault
 * has checked the passphrase, it is damaged), ERR_CORRUPT, ERR_NO_SPACE,
 * ERR_STORE, ERR_LOCKED; ERR_STALE when a newer sotto made it. */
int db_open(const char *path, const struct secret *key,
	    struct db **out) must_check;
void db_close(struct db *db);	/* takes NULL; rolls an open transaction back */

/* One transaction at a time; within it savepoints, which may nest. When SQLite
 * itself takes the transaction back (disk full, I/O), every call until
 * db_rollback or db_commit answers with that error. A statement of db_prepare
 * does not live over the end of a transaction. */
int db_begin(struct db *db) must_check;
int db_commit(struct db *db) must_check;	/* on failure rolled back */
void db_rollback(struct db *db);		/* harmless outside of one */
int db_savepoint(struct db *db) must_check;
int db_release(struct db *db) must_check;
void db_rollback_savepoint(struct db *db);
/* fn runs once at the begin of the next commit, in its transaction; the same fn
 * once. For what pays only in bulk. */
void db_before_commit(struct db *db, int (*fn)(struct db *db));

/* Statements. prepare caches by the sql's address (a literal) and hands out a
 * reset statement with no bindings, or NULL, for which binds do nothing and
 * db_step returns the error. Binds copy; of len 0 they bind an empty blob. */
struct sqlite3_stmt *db_prepare(struct db *db, const char *sql);
void db_bind_int(struct sqlite3_stmt *st, int i, int64_t v);
void db_bind_blob(struct sqlite3_stmt *st, int i, const void *data, size_t len);
void db_bind_text(struct sqlite3_stmt *st, int i,
		  const char *text);	/* NULL binds NULL */
/* 1 for a row, 0 at the end, or ERR_*: ERR_EXISTS for a constraint. */
int db_step(struct db *db, struct sqlite3_stmt *st) must_check;
/* For statements without rows. */
int db_run(struct db *db, struct sqlite3_stmt *st) must_check;
/* Ends a statement before its last row. Takes NULL. */
void db_done(struct sqlite3_stmt *st);
int64_t db_int(struct sqlite3_stmt *st, int col);
struct bytes db_blob(struct sqlite3_stmt *st, int col);	/* until the next step */
const char *db_text(struct sqlite3_stmt *st,
		    int col);		/* likewise; NULL for NULL */
int64_t db_changes(struct db *db);
int64_t db_last_id(struct db *db);

/* A statement of the caller's own, for loops that call back: nothing else resets
 * it. End it by db_query_end, which takes NULL. */
struct sqlite3_stmt *db_query(struct db *db, const char *sql);
void db_query_end(struct sqlite3_stmt *st);

/* Small named values (keys, tokens, counters). get: ERR_NOT_FOUND; appends. */
int db_get(struct db *db, const char *name, struct buf *out) must_check;
int db_put(struct db *db, const char *name, const void *data,
	   size_t len) must_check;
int db_get_int(struct db *db, const char *name, int64_t *out) must_check;
int db_put_int(struct db *db, const char *name, int64_t v) must_check;

#endif
