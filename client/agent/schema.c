#include "schema.h"

/* Account ids, keys and hashes are blobs; times are milliseconds UTC unless said
 * otherwise. SQL of SQLite 3.15. */
static const char first[] =
	/* Small named values, see db_get. */
	"CREATE TABLE value ("
	" name TEXT PRIMARY KEY,"
	" value NOT NULL"
	") WITHOUT ROWID;"

	/* One's own private halves, see keys.h. Times in seconds; retired: when
	 * the next one took its place, 0 for the one in use. */
	"CREATE TABLE prekey (id INTEGER PRIMARY KEY, secret BLOB NOT NULL);"
	"CREATE TABLE signed_prekey ("
	" id INTEGER PRIMARY KEY,"
	" secret BLOB NOT NULL,"
	" signature BLOB NOT NULL,"
	" created INTEGER NOT NULL,"
	" retired INTEGER NOT NULL DEFAULT 0);"
	"CREATE TABLE seal_key ("
	" id INTEGER PRIMARY KEY,"
	" public BLOB NOT NULL,"
	" secret BLOB NOT NULL,"
	" signature BLOB NOT NULL,"
	" created INTEGER NOT NULL,"
	" retired INTEGER NOT NULL DEFAULT 0);"

	/* Ratchet sessions: record is libsignal's, identity the key of the
	 * verified list under which it was made. */
	"CREATE TABLE session ("
	" account BLOB NOT NULL,"
	" device INTEGER NOT NULL,"
	" identity BLOB NOT NULL,"
	" record BLOB NOT NULL,"
	" UNIQUE (account, device));"

	/* name_key: name with its case folded. list: see contacts.c. */
	"CREATE TABLE contact ("
	" row INTEGER PRIMARY KEY AUTOINCREMENT,"
	" account BLOB NOT NULL UNIQUE,"
	" name TEXT NOT NULL,"
	" name_key TEXT NOT NULL UNIQUE,"
	" profile_name TEXT NOT NULL,"
	" state INTEGER NOT NULL,"
	" alert INTEGER NOT NULL,"
	" verified INTEGER NOT NULL,"
	" relay TEXT NOT NULL,"
	" capability BLOB,"
	" given BLOB,"
	" answered INTEGER NOT NULL,"
	" list BLOB,"
	" suite_seen INTEGER NOT NULL,"
	" last_hash BLOB NOT NULL,"
	" sent_counter INTEGER NOT NULL,"
	" seen_counter INTEGER NOT NULL,"
	" read_upto INTEGER NOT NULL);"
	/* Every capability that a contact was ever given. */
	"CREATE TABLE given ("
	" id BLOB PRIMARY KEY,"
	" contact INTEGER NOT NULL,"
	" capability BLOB NOT NULL"
	") WITHOUT ROWID;"
	"CREATE INDEX given_contact ON given (contact);"

	/* words: what is indexed, when it is not text itself. */
	"CREATE TABLE message ("
	" row INTEGER PRIMARY KEY,"
	" contact INTEGER NOT NULL,"
	" outgoing INTEGER NOT NULL,"
	" device INTEGER NOT NULL,"
	" counter INTEGER NOT NULL,"
	" id BLOB NOT NULL,"
	" clock INTEGER NOT NULL,"
	" sent_at INTEGER NOT NULL,"
	" received_at INTEGER NOT NULL,"
	" state INTEGER NOT NULL,"
	" unread INTEGER NOT NULL,"
	" hash BLOB NOT NULL,"
	" envelope BLOB NOT NULL,"
	" text TEXT,"
	" why TEXT,"
	" words TEXT);"
	"CREATE UNIQUE INDEX message_id"
	" ON message (id, contact, outgoing, device);"
	"CREATE INDEX message_clock ON message (contact, clock, row);"
	"CREATE INDEX message_counter"
	" ON message (contact, outgoing, device, counter);"
	/* unread stands in it so that counting needs no table. */
	"CREATE INDEX message_unread ON message (contact, unread, clock)"
	" WHERE unread = 1;"
	/* Held messages (state 11) are not shown yet. */
	"CREATE INDEX message_held ON message (contact, device, counter)"
	" WHERE state = 11;"
	/* A Repair names an envelope of ours; what is never delivered expires. */
	"CREATE INDEX message_envelope ON message (envelope)"
	" WHERE outgoing = 1;"
	"CREATE INDEX message_sent ON message (sent_at)"
	" WHERE outgoing = 1 AND state = 2;"

	/* Envelopes that were settled; they may come again. at: in hours. */
	"CREATE TABLE received ("
	" envelope BLOB PRIMARY KEY,"
	" at INTEGER NOT NULL"
	") WITHOUT ROWID;"
	/* Receipts that are due; state: as in Receipt. */
	"CREATE TABLE receipt ("
	" row INTEGER PRIMARY KEY,"
	" contact INTEGER NOT NULL,"
	" message BLOB NOT NULL,"
	" state INTEGER NOT NULL);"
	"CREATE INDEX receipt_contact ON receipt (contact, row);"

	/* Search, over all but placeholders (states from 12 on). Rows wait in
	 * search_todo and are indexed together just before the commit: FTS
	 * writes a segment to disk at every savepoint. */
	"CREATE VIEW message_words AS"
	" SELECT row AS rowid, ifnull(words, text) AS words FROM message"
	" WHERE text IS NOT NULL AND state < 12;"
	"CREATE VIRTUAL TABLE search USING fts4 ("
	" content=\"message_words\", words, tokenize=unicode61,"
	" matchinfo=fts3, order=desc);"
	"CREATE TABLE search_todo (row INTEGER PRIMARY KEY);"
	"CREATE TRIGGER message_insert AFTER INSERT ON message"
	" WHEN new.text IS NOT NULL AND new.state < 12 BEGIN"
	" INSERT INTO search_todo (row) VALUES (new.row);"
	" END;"
	"CREATE TRIGGER message_delete BEFORE DELETE ON message"
	" WHEN old.text IS NOT NULL AND old.state < 12 BEGIN"
	" DELETE FROM search WHERE docid = old.row"
	"  AND NOT EXISTS (SELECT 1 FROM search_todo WHERE row = old.row);"
	" DELETE FROM search_todo WHERE row = old.row;"
	" END;"

	"CREATE TABLE outbox ("
	" row INTEGER PRIMARY KEY AUTOINCREMENT,"
	" contact INTEGER NOT NULL,"
	" kind INTEGER NOT NULL,"
	" message BLOB NOT NULL,"
	" envelope BLOB NOT NULL,"
	" encrypted INTEGER NOT NULL,"
	" created_at INTEGER NOT NULL,"
	" attempts INTEGER NOT NULL,"
	" bytes BLOB NOT NULL);"
	"CREATE INDEX outbox_lane ON outbox (contact, row);"
	"CREATE INDEX outbox_clear ON outbox (contact, row)"
	" WHERE encrypted = 0;"

	/* The newest event is never deleted: seq goes on from it. */
	"CREATE TABLE event ("
	" seq INTEGER PRIMARY KEY,"
	" type TEXT NOT NULL,"
	" json TEXT NOT NULL);"
	/* Which was the last event when; one row a day. */
	"CREATE TABLE event_day (at INTEGER PRIMARY KEY, seq INTEGER NOT NULL);"
	"CREATE TABLE cursor (name TEXT PRIMARY KEY, acked INTEGER NOT NULL)"
	" WITHOUT ROWID;"
	"CREATE TABLE sendkey ("
	" key TEXT PRIMARY KEY,"
	" digest BLOB NOT NULL,"
	" id BLOB NOT NULL,"
	" at INTEGER NOT NULL"
	") WITHOUT ROWID;";

const char *const schema_migrations[] = { first };
const int schema_version =
	sizeof(schema_migrations) / sizeof(schema_migrations[0]);
