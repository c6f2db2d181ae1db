#include "contacts_internal.h"

#include <utf8proc.h>

#include "gone.h"

enum { NAME_TRIES = 1000 };

/* The one row of a bound statement. */
static int read_one(struct db *db, struct sqlite3_stmt *st, struct contact *out)
{
	struct contact c;
	int r = db_step(db, st);

	if (r <= 0)
		return r < 0 ? r : ERR_NOT_FOUND;
	r = contact_read(st, &c);
	if (!r)
		*out = c;
	db_done(st);
	return r;
}

int contact_by_account(struct db *db, const struct account_id *a,
		       struct contact *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " CONTACT_COLUMNS " FROM contact WHERE account = ?");

	db_bind_blob(st, 1, a->b, sizeof(a->b));
	return read_one(db, st, out);
}

int contact_by_row(struct db *db, int64_t row, struct contact *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " CONTACT_COLUMNS " FROM contact WHERE row = ?");

	db_bind_int(st, 1, row);
	return read_one(db, st, out);
}

int contact_by_given(struct db *db, const uint8_t id[static CAPABILITY_ID_LEN],
		     struct contact *out)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " CONTACT_COLUMNS " FROM contact WHERE row ="
		" (SELECT contact FROM given WHERE id = ?)");

	db_bind_blob(st, 1, id, CAPABILITY_ID_LEN);
	return read_one(db, st, out);
}

/* The name by which names are compared: case folded and composed. Heap. */
static char *name_key(const char *name)
{
	utf8proc_uint8_t *key = NULL;
	utf8proc_ssize_t n = utf8proc_map(
		(const utf8proc_uint8_t *)name, 0, &key,
		UTF8PROC_NULLTERM | UTF8PROC_STABLE | UTF8PROC_COMPOSE |
		UTF8PROC_COMPAT | UTF8PROC_CASEFOLD | UTF8PROC_IGNORE);

	if (n < 0) {	/* not UTF-8 */
		free(key);
		return xstrdup(name);
	}
	return (char *)key;
}

bool contact_name_ok(const char *name)
{
	char *key = name_key(name);
	struct account_id id;
	bool ok = key[0] && key[0] != '+' && account_parse(key, &id);

	free(key);
	return ok;
}

void contact_suggest_name(struct contact *c, const char *name)
{
	char *key = name_key(name);
	bool self = !strcmp(key, "me") || !strcmp(key, "you");

	snprintf(c->name, sizeof(c->name), "%s", self ? "" : name);
	free(key);
}

static int by_name(struct db *db, const char *name, struct contact *out)
{
	char *key = name_key(name);
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT " CONTACT_COLUMNS " FROM contact WHERE name_key = ?");
	int r;

	db_bind_text(st, 1, key);
	r = read_one(db, st, out);
	free(key);
	return r;
}

int contact_find(struct db *db, const char *to, struct contact *out)
{
	struct contact named, identified;
	struct account_id account;
	int r = by_name(db, to, &named), r2 = ERR_NOT_FOUND;

	if (r < 0 && r != ERR_NOT_FOUND)
		return r;
	if (account_parse(to, &account) == OK)
		r2 = contact_by_account(db, &account, &identified);
	if (r2 < 0 && r2 != ERR_NOT_FOUND)
		return r2;
	/* Somebody may have been given the account id of another as name. */
	if (!r && !r2 && named.row != identified.row)
		return ERR_AMBIGUOUS;
	if (r < 0 && r2 < 0)
		return ERR_NOT_FOUND;
	*out = r ? identified : named;
	return OK;
}

static int update(struct db *db, const struct contact *c)
{
	char *key = name_key(c->name);
	/* OR FAIL: for one row the same as the default, under which SQLite keeps
	 * copies of every page it touches, encrypted. */
	struct sqlite3_stmt *st = db_prepare(
		db, "UPDATE OR FAIL contact SET name = ?1, name_key = ?2,"
		" profile_name = ?3, state = ?4, alert = ?5, verified = ?6,"
		" relay = ?7, capability = ?8, given = ?9, answered = ?10,"
		" list = ?11, suite_seen = ?12, last_hash = ?13,"
		" sent_counter = ?14, seen_counter = ?15, read_upto = ?16"
		" WHERE row = ?17");
	int r;

	contact_bind(st, c, key);
	db_bind_int(st, 17, c->row);
	r = db_run(db, st);
	free(key);
	if (!r && !db_changes(db))
		r = ERR_NOT_FOUND;
	return r;
}

int contact_progress(struct db *db, const struct contact *c)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "UPDATE contact SET suite_seen = ?1, last_hash = ?2,"
		" sent_counter = ?3, seen_counter = ?4, read_upto = ?5"
		" WHERE row = ?6");
	int r;

	db_bind_int(st, 1, c->suite_seen);
	db_bind_blob(st, 2, c->last_hash, HASH_LEN);
	db_bind_int(st, 3, (int64_t)c->sent_counter);
	db_bind_int(st, 4, (int64_t)c->seen_counter);
	db_bind_int(st, 5, (int64_t)c->read_upto);
	db_bind_int(st, 6, c->row);
	r = db_run(db, st);
	return r < 0 || db_changes(db) ? r : ERR_NOT_FOUND;
}

static int insert(struct db *db, struct contact *c)
{
	char *key = name_key(c->name);
	struct sqlite3_stmt *st = db_prepare(
		db, "INSERT INTO contact (name, name_key, profile_name, state,"
		" alert, verified, relay, capability, given, answered, list,"
		" suite_seen, last_hash, sent_counter, seen_counter, read_upto,"
		" account) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,"
		" ?11, ?12, ?13, ?14, ?15, ?16, ?17)");
	int r;

	contact_bind(st, c, key);
	db_bind_blob(st, 17, c->account.b, ACCOUNT_LEN);
	r = db_run(db, st);
	free(key);
	if (!r)
		c->row = db_last_id(db);
	return r;
}

/* Cuts text to max bytes between characters. */
static void cut(char *text, size_t max)
{
	if (strlen(text) <= max)
		return;
	while (max && ((uint8_t)text[max] & 0xc0) == 0x80)
		max--;
	text[max] = '\0';
}

static int make_unique(struct db *db, struct contact *c)
{
	char account[ACCOUNT_TEXT_LEN + 1], base[sizeof(c->name)], suffix[16];
	struct contact other;
	int r;

	if (!contact_name_ok(c->name)) {
		account_text(&c->account, account);
		memcpy(c->name, account, 8);
		c->name[8] = '\0';
	}
	memcpy(base, c->name, sizeof(base));
	for (int n = 2; n < NAME_TRIES; n++) {
		r = by_name(db, c->name, &other);
		if (r == ERR_NOT_FOUND)
			return OK;
		if (r < 0)
			return r;
		snprintf(suffix, sizeof(suffix), " %d", n);
		memcpy(c->name, base, sizeof(base));
		cut(c->name, CONTACT_NAME_MAX - strlen(suffix));
		memcpy(c->name + strlen(c->name), suffix, strlen(suffix) + 1);
	}
	return ERR_EXISTS;
}

static int remember_given(struct db *db, const struct contact *c)
{
	struct capability cap;
	struct sqlite3_stmt *st;

	if (!c->has_given ||
	    capability_read(c->given, CAPABILITY_LEN, &cap) < 0)
		return OK;
	st = db_prepare(db, "INSERT OR IGNORE INTO given"
			" (id, contact, capability) VALUES (?, ?, ?)");
	db_bind_blob(st, 1, cap.id, CAPABILITY_ID_LEN);
	db_bind_int(st, 2, c->row);
	db_bind_blob(st, 3, c->given, CAPABILITY_LEN);
	return db_run(db, st);
}

int contact_save(struct db *db, struct contact *c)
{
	int r;

	if (c->row) {
		r = update(db, c);
	} else {
		r = gone_recall(db, c);
		if (!r)
			r = make_unique(db, c);
		if (!r)
			r = insert(db, c);
	}
	return r < 0 ? r : remember_given(db, c);
}

/* What stands in named values for its devices, see peers.c. */
static int forget_values(struct db *db, const struct contact *c)
{
	char account[ACCOUNT_TEXT_LEN + 1], glob[ACCOUNT_TEXT_LEN + 8];
	struct sqlite3_stmt *st = db_prepare(
		db, "DELETE FROM value WHERE name GLOB ?");

	account_text(&c->account, account);
	snprintf(glob, sizeof(glob), "*-%s-*", account);
	db_bind_text(st, 1, glob);
	return db_run(db, st);
}

int contact_remove(struct db *db, const struct contact *c)
{
	static const char *const by_row[] = {
		"DELETE FROM message WHERE contact = ?",
		"DELETE FROM outbox WHERE contact = ?",
		"DELETE FROM given WHERE contact = ?",
		"DELETE FROM receipt WHERE contact = ?",
		"DELETE FROM contact WHERE row = ?",
	};
	struct sqlite3_stmt *st;
	int r = gone_keep(db, c);

	if (!r)
		r = forget_values(db, c);
	if (r < 0)
		return r;
	for (size_t i = 0; i < sizeof(by_row) / sizeof(by_row[0]); i++) {
		st = db_prepare(db, by_row[i]);
		db_bind_int(st, 1, c->row);
		r = db_run(db, st);
		if (r < 0)
			return r;
	}
	st = db_prepare(db, "DELETE FROM session WHERE account = ?");
	db_bind_blob(st, 1, c->account.b, ACCOUNT_LEN);
	return db_run(db, st);
}

int contact_requests(struct db *db, int64_t *count)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT count(*) FROM contact WHERE state = 2");
	int r = db_step(db, st);

	if (r > 0)
		*count = db_int(st, 0);
	db_done(st);
	return r < 0 ? r : OK;
}

int contact_each(struct db *db, int (*fn)(void *ctx, const struct contact *c),
		 void *ctx)
{
	struct sqlite3_stmt *st = db_query(
		db, "SELECT " CONTACT_COLUMNS " FROM contact ORDER BY name_key");
	struct contact c;
	int r;

	while ((r = db_step(db, st)) > 0) {
		r = contact_read(st, &c);
		if (!r)
			r = fn(ctx, &c);
		if (r)
			break;
	}
	db_query_end(st);
	return r;
}

int contact_each_given(struct db *db, int64_t row,
		       int (*fn)(void *ctx,
				 const uint8_t cap[static CAPABILITY_LEN]),
		       void *ctx)
{
	struct sqlite3_stmt *st = db_query(
		db, "SELECT capability FROM given WHERE contact = ?");
	int r;

	db_bind_int(st, 1, row);
	while ((r = db_step(db, st)) > 0) {
		struct bytes b = db_blob(st, 0);

		r = b.len == CAPABILITY_LEN ? fn(ctx, b.data) : ERR_CORRUPT;
		if (r)
			break;
	}
	db_query_end(st);
	return r;
}
