#include "received.h"

enum { HOUR_MS = 3600 * 1000 };

int received_known(struct db *db, const uint8_t id[static ENVELOPE_ID_LEN],
		   bool *known)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"SELECT 1 FROM received WHERE envelope = ?");
	int ret;

	db_bind_blob(st, 1, id, ENVELOPE_ID_LEN);
	ret = db_step(db, st);
	if (ret < 0)
		return ret;
	*known = ret == 1;
	db_done(st);
	return OK;
}

int received_add(struct db *db, const uint8_t id[static ENVELOPE_ID_LEN],
		 uint64_t now_ms)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"INSERT OR REPLACE INTO received (envelope, at) VALUES (?, ?)");

	db_bind_blob(st, 1, id, ENVELOPE_ID_LEN);
	db_bind_int(st, 2, (int64_t)(now_ms / HOUR_MS));
	return db_run(db, st);
}

int received_prune(struct db *db, uint64_t now_ms)
{
	struct sqlite3_stmt *st = db_prepare(db,
		"DELETE FROM received WHERE at < ?");

	db_bind_int(st, 1, (int64_t)(now_ms / HOUR_MS) - RECEIVED_DAYS * 24);
	return db_run(db, st);
}
