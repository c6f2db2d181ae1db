/* What the files of db share; nobody else includes it. */
#ifndef SOTTO_DB_INTERNAL_H
#define SOTTO_DB_INTERNAL_H

#include <stdbool.h>

/* sqlite3_key() is declared only with it. */
#define SQLITE_HAS_CODEC 1
#include <sqlcipher/sqlite3.h>

#include "db.h"

enum { DB_STATEMENTS = 256, DB_HOOKS = 4 };

struct db {
	sqlite3 *sqlite;
	bool open;		/* a transaction of the caller's */
	unsigned depth;		/* savepoints in it */
	int lost;		/* why SQLite took the transaction back */
	int failed;		/* why the last prepare failed */
	int (*hooks[DB_HOOKS])(struct db *db);
	unsigned n_hooks;
	/* Prepared statements by the address of their text, open addressing. */
	struct {
		const char *sql;
		sqlite3_stmt *st;
	} cache[DB_STATEMENTS];
	unsigned n_cached;
};

/* What a result code of SQLite's means to us; logs what failed. */
int db_failed(struct db *db, int code, const char *what);
/* Resets all cached statements. */
void db_reset_all(struct db *db);
void db_finalize_all(struct db *db);

#endif
