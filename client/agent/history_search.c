#include "history_internal.h"

#include "log.h"
#include "words.h"

static int index_all(struct db *db)
{
	int r = db_run(db, db_prepare(
		db, "INSERT INTO search (docid, words)"
		" SELECT rowid, words FROM message_words"
		" WHERE rowid IN (SELECT row FROM search_todo)"));

	return r < 0 ? r : db_run(db, db_prepare(db,
						 "DELETE FROM search_todo"));
}

/* A damaged index must not keep messages from being stored: what waits for it
 * waits on. */
int history_index(struct db *db)
{
	int r = db_savepoint(db);

	if (r < 0)
		return r;
	r = index_all(db);
	if (!r)
		r = db_release(db);
	if (r < 0)
		db_rollback_savepoint(db);
	if (r != ERR_CORRUPT)
		return r;
	log_error("the search index is damaged: new messages are not found");
	return OK;
}

/* What this transaction, or an interrupted index, has left. */
static int index_waiting(struct db *db)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT 1 FROM search_todo LIMIT 1");
	int r = db_step(db, st);

	db_done(st);
	return r > 0 ? index_all(db) : r;
}

int history_search(struct db *db, const char *words, int64_t contact_or_0,
		   int limit,
		   int (*fn)(void *ctx, const struct message *m), void *ctx)
{
	struct sqlite3_stmt *st;
	struct buf query;
	int r;

	buf_init(&query, 16 * WORDS_QUERY_MAX);
	r = words_query(words, &query);
	if (!r)
		r = buf_append_u8(&query, '\0');
	if (!r)
		r = index_waiting(db);
	if (r < 0)
		goto out;
	/* By docid and from the search: stops after limit, sorts nothing. */
	st = db_query(db, "SELECT " MESSAGE_COLUMNS
		      " FROM search CROSS JOIN message"
		      " ON message.row = search.docid"
		      " WHERE search MATCH ?1 AND (?2 = 0 OR contact = ?2)"
		      " AND state <> 11 ORDER BY search.docid DESC LIMIT ?3");
	db_bind_text(st, 1, (const char *)query.data);
	db_bind_int(st, 2, contact_or_0);
	db_bind_int(st, 3, limit);
	r = message_each(db, st, fn, ctx);
out:
	buf_finish(&query);
	return r;
}
