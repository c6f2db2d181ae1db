#include "history_internal.h"
#include "words.h"

/* From a row of MESSAGE_COLUMNS; text and why until the next step. ERR_CORRUPT. */
static int read_row(struct sqlite3_stmt *st, struct message *m)
{
	struct bytes id = db_blob(st, 1), hash = db_blob(st, 11);
	struct bytes envelope = db_blob(st, 12);

	if (id.len != sizeof(m->id) || hash.len != sizeof(m->hash) ||
	    envelope.len != sizeof(m->envelope))
		return ERR_CORRUPT;
	memcpy(m->id, id.data, sizeof(m->id));
	memcpy(m->hash, hash.data, sizeof(m->hash));
	memcpy(m->envelope, envelope.data, sizeof(m->envelope));
	m->row = db_int(st, 0);
	m->contact = db_int(st, 2);
	m->outgoing = db_int(st, 3) != 0;
	m->device = (uint32_t)db_int(st, 4);
	m->counter = (uint64_t)db_int(st, 5);
	m->clock = (uint64_t)db_int(st, 6);
	m->sent_at = (uint64_t)db_int(st, 7);
	m->received_at = (uint64_t)db_int(st, 8);
	m->state = (enum message_state)db_int(st, 9);
	m->unread = db_int(st, 10) != 0;
	m->text = db_text(st, 13);
	m->why = db_text(st, 14);
	return OK;
}

int message_each(struct db *db, struct sqlite3_stmt *st,
		 int (*fn)(void *ctx, const struct message *m), void *ctx)
{
	struct message m;
	int r;

	while ((r = db_step(db, st)) > 0) {
		r = read_row(st, &m);
		if (!r)
			r = fn(ctx, &m);
		if (r)
			break;
	}
	db_query_end(st);
	return r;
}

/* The one row of a bound statement, its texts copied. */
static int read_one(struct db *db, struct sqlite3_stmt *st, struct message *out)
{
	struct message m;
	int r = db_step(db, st);

	if (r <= 0)
		return r < 0 ? r : ERR_NOT_FOUND;
	r = read_row(st, &m);
	if (!r) {
		*out = m;
		out->text = m.text ? xstrdup(m.text) : NULL;
		out->why = m.why ? xstrdup(m.why) : NULL;
	}
	db_done(st);
	return r;
}

void message_finish(struct message *m)
{
	free((void *)(uintptr_t)m->text);
	free((void *)(uintptr_t)m->why);
	m->text = m->why = NULL;
}

int history_get(struct db *db, const uint8_t id[static MESSAGE_ID_LEN],
		struct message *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " MESSAGE_COLUMNS " FROM message WHERE id = ?"
		" ORDER BY outgoing DESC, row LIMIT 1");

	db_bind_blob(st, 1, id, MESSAGE_ID_LEN);
	return read_one(db, st, out);
}

int history_get_row(struct db *db, int64_t row, struct message *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " MESSAGE_COLUMNS " FROM message WHERE row = ?");

	db_bind_int(st, 1, row);
	return read_one(db, st, out);
}

int history_get_counter(struct db *db, int64_t contact, bool outgoing,
			uint32_t device, uint64_t counter, struct message *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " MESSAGE_COLUMNS " FROM message"
		" WHERE contact = ? AND outgoing = ? AND device = ?"
		" AND counter = ? ORDER BY row LIMIT 1");

	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, outgoing);
	db_bind_int(st, 3, device);
	db_bind_int(st, 4, (int64_t)counter);
	return read_one(db, st, out);
}

int history_first_held(struct db *db, int64_t contact, uint32_t device,
		       struct message *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " MESSAGE_COLUMNS " FROM message"
		" WHERE contact = ? AND device = ? AND state = 11"
		" ORDER BY counter LIMIT 1");

	db_bind_int(st, 1, contact);
	db_bind_int(st, 2, device);
	return read_one(db, st, out);
}

int history_add(struct db *db, struct message *m)
{
	bool unread = !m->outgoing && (m->state == MESSAGE_RECEIVED ||
				       m->state == MESSAGE_UNDECRYPTABLE);
	char *words = m->text ? words_index(m->text) : NULL;
	struct sqlite3_stmt *st = db_prepare(
		db, "INSERT OR IGNORE INTO message (id, contact, outgoing,"
		" device, counter, clock, sent_at, received_at, state, unread,"
		" hash, envelope, text, why, words)"
		" VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)");
	int r;

	db_bind_blob(st, 1, m->id, sizeof(m->id));
	db_bind_int(st, 2, m->contact);
	db_bind_int(st, 3, m->outgoing);
	db_bind_int(st, 4, m->device);
	db_bind_int(st, 5, (int64_t)m->counter);
	db_bind_int(st, 6, (int64_t)m->clock);
	db_bind_int(st, 7, (int64_t)m->sent_at);
	db_bind_int(st, 8, (int64_t)m->received_at);
	db_bind_int(st, 9, m->state);
	db_bind_int(st, 10, unread);
	db_bind_blob(st, 11, m->hash, sizeof(m->hash));
	db_bind_blob(st, 12, m->envelope, sizeof(m->envelope));
	db_bind_text(st, 13, m->text);
	db_bind_text(st, 14, m->why);
	db_bind_text(st, 15, words);
	free(words);
	r = db_run(db, st);
	if (r < 0)
		return r;
	if (!db_changes(db))
		return ERR_DUPLICATE;
	m->row = db_last_id(db);
	m->unread = unread;
	db_before_commit(db, history_index);
	return OK;
}

int history_show(struct db *db, int64_t row, uint64_t clock)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "UPDATE message SET state = 10, unread = 1, clock = ?"
		" WHERE row = ? AND state = 11");
	int r;

	db_bind_int(st, 1, (int64_t)clock);
	db_bind_int(st, 2, row);
	r = db_run(db, st);
	return r < 0 || db_changes(db) ? r : ERR_NOT_FOUND;
}

int history_remove(struct db *db, int64_t row)
{
	struct sqlite3_stmt *st =
		db_prepare(db, "DELETE FROM message WHERE row = ?");
	int r;

	db_bind_int(st, 1, row);
	r = db_run(db, st);
	return r < 0 || db_changes(db) ? r : ERR_NOT_FOUND;
}

static bool goes_on(enum message_state from, enum message_state to)
{
	switch (to) {
	case MESSAGE_SENT:
		return from == MESSAGE_QUEUED;
	case MESSAGE_DELIVERED:
		return from != MESSAGE_DELIVERED && from != MESSAGE_READ;
	case MESSAGE_READ:
		return from != MESSAGE_READ;
	case MESSAGE_FAILED:
	case MESSAGE_EXPIRED:
		return from == MESSAGE_QUEUED || from == MESSAGE_SENT;
	default:
		return false;
	}
}

int history_set_state(struct db *db, const uint8_t id[static MESSAGE_ID_LEN],
		      enum message_state state, const char *why, bool *changed)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT row, state FROM message"
		" WHERE id = ? AND outgoing = 1 LIMIT 1");
	enum message_state held;
	int64_t row;
	int r;

	db_bind_blob(st, 1, id, MESSAGE_ID_LEN);
	r = db_step(db, st);
	if (r <= 0)
		return r < 0 ? r : ERR_NOT_FOUND;
	row = db_int(st, 0);
	held = (enum message_state)db_int(st, 1);
	db_done(st);
	if (!goes_on(held, state)) {
		*changed = false;
		return OK;
	}
	st = db_prepare(db, "UPDATE message SET state = ?, why = ?"
			" WHERE row = ?");
	db_bind_int(st, 1, state);
	db_bind_text(st, 2, why);
	db_bind_int(st, 3, row);
	r = db_run(db, st);
	if (!r)
		*changed = true;
	return r;
}
