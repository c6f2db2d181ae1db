/* component: relay
 * The baseline of the relay's storage: RocksDB alone, with the keys and bytes that
 * the relay's engine writes for mail (store_rocks_key.c), in synchronous batches;
 * then each mailbox is scanned and its rows deleted.
 *
 * Usage: rocks [MESSAGES [MAILBOXES [BATCH [DIRECTORY]]]]; one line of JSON.
 */
#include <rocksdb/c.h>
#include <sodium.h>
#include <unistd.h>

#include "load/user.h"

enum { MAILBOX_KEY = 24, ROW_KEY = MAILBOX_KEY + 8, ID_KEY = 20, ID_LEN = 16,
       ROW_LEN = 72 + SEALED_LEN + PAYLOAD_LEN, STATE_KEY = 25, STATE_LEN = 85 };

enum { ROWS, IDS, STATES, FAMILIES };

static rocksdb_t *db;
static rocksdb_column_family_handle_t *family[FAMILIES];
static rocksdb_writebatch_t *batch;
static rocksdb_writeoptions_t *synced;

static void check(char *text)
{
	if (!text)
		return;
	fprintf(stderr, "rocks: %s\n", text);
	exit(1);
}

static void open_db(const char *path)
{
	static const char *const names[FAMILIES] = { "default", "ids",
						     "states" };
	rocksdb_options_t *o = rocksdb_options_create();
	const rocksdb_options_t *all[FAMILIES] = { o, o, o };
	char *text = NULL;

	rocksdb_options_set_create_if_missing(o, 1);
	rocksdb_options_set_create_missing_column_families(o, 1);
	rocksdb_options_set_compression(o, rocksdb_no_compression);
	db = rocksdb_open_column_families(o, path, FAMILIES, names, all, family,
					  &text);
	check(text);
	synced = rocksdb_writeoptions_create();
	rocksdb_writeoptions_set_sync(synced, 1);
	batch = rocksdb_writebatch_create();
	rocksdb_options_destroy(o);
}

static void commit(void)
{
	char *text = NULL;

	rocksdb_write(db, synced, batch, &text);
	check(text);
	rocksdb_writebatch_clear(batch);
}

static void mailbox_key(uint8_t key[static ROW_KEY], unsigned mailbox,
			uint64_t sequence)
{
	crypto_generichash(key, MAILBOX_KEY, (const uint8_t *)&mailbox,
			   sizeof(mailbox), NULL, 0);
	put_u64(key + MAILBOX_KEY, sequence);
}

static void put_state(const uint8_t *key)
{
	static const uint8_t state[STATE_LEN] = { 1 };

	rocksdb_writebatch_put_cf(batch, family[STATES], (const char *)key,
				  STATE_KEY, (const char *)state, STATE_LEN);
}

static double enqueue(unsigned messages, unsigned mailboxes, unsigned size)
{
	static uint8_t row[ROW_LEN];
	uint8_t key[ROW_KEY], id[ID_KEY];
	uint64_t began = now_ns();

	randombytes_buf(row, sizeof(row));
	for (unsigned i = 0; i < messages; i++) {
		mailbox_key(key, i % mailboxes, i);
		randombytes_buf(id, sizeof(id));
		put_u64(row + 6, i);
		rocksdb_writebatch_put_cf(batch, family[ROWS], (char *)key,
					  ROW_KEY, (char *)row, ROW_LEN);
		rocksdb_writebatch_put_cf(batch, family[IDS], (char *)id,
					  ID_KEY, (char *)row, ID_LEN);
		/* Once for a mailbox in a batch. */
		if (i % size < mailboxes)
			put_state(key);
		if ((i + 1) % size == 0 || i + 1 == messages)
			commit();
	}
	return (double)(now_ns() - began) / 1e9;
}

/* Returns how many rows there were. */
static unsigned drain_one(unsigned mailbox, rocksdb_iterator_t *it)
{
	uint8_t key[ROW_KEY];
	unsigned n = 0;
	size_t len;

	mailbox_key(key, mailbox, 0);
	for (rocksdb_iter_seek(it, (char *)key, ROW_KEY); rocksdb_iter_valid(it);
	     rocksdb_iter_next(it)) {
		const char *found = rocksdb_iter_key(it, &len);

		if (memcmp(found, key, MAILBOX_KEY) != 0)
			break;
		(void)rocksdb_iter_value(it, &len);
		rocksdb_writebatch_delete_cf(batch, family[ROWS], found,
					     ROW_KEY);
		n++;
	}
	put_state(key);
	return n;
}

static double drain(unsigned messages, unsigned mailboxes, unsigned size)
{
	rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
	rocksdb_iterator_t *it = rocksdb_create_iterator_cf(db, ro,
							    family[ROWS]);
	uint64_t began = now_ns();
	unsigned n = 0, waiting = 0;

	for (unsigned i = 0; i < mailboxes; i++) {
		unsigned found = drain_one(i, it);

		n += found;
		waiting += found;
		if (waiting >= size || i + 1 == mailboxes) {
			commit();
			waiting = 0;
		}
	}
	began = now_ns() - began;
	if (n != messages) {
		fprintf(stderr, "rocks: %u of %u rows found\n", n, messages);
		exit(1);
	}
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(ro);
	return (double)began / 1e9;
}

static void destroy_db(const char *path)
{
	rocksdb_options_t *o = rocksdb_options_create();
	char *text = NULL;

	for (unsigned i = 0; i < FAMILIES; i++)
		rocksdb_column_family_handle_destroy(family[i]);
	rocksdb_writebatch_destroy(batch);
	rocksdb_writeoptions_destroy(synced);
	rocksdb_close(db);
	rocksdb_destroy_db(o, path, &text);
	check(text);
	rocksdb_options_destroy(o);
	rmdir(path);
}

int main(int argc, char **argv)
{
	unsigned messages = argc > 1 ? (unsigned)atoi(argv[1]) : 10000;
	unsigned mailboxes = argc > 2 ? (unsigned)atoi(argv[2]) : 1000;
	unsigned size = argc > 3 ? (unsigned)atoi(argv[3]) : 512;
	char path[256];
	double in, out;

	snprintf(path, sizeof(path), "%s/rocks-XXXXXX",
		 argc > 4 ? argv[4] : "/tmp");
	if (sodium_init() < 0 || !messages || !mailboxes || !size ||
	    !mkdtemp(path)) {
		perror(path);
		return 1;
	}
	open_db(path);
	in = enqueue(messages, mailboxes, size);
	out = drain(messages, mailboxes, size);
	printf("{\"batch\": %u, \"enqueue_per_s\": %.0f, "
	       "\"drain_per_s\": %.0f}\n", size, messages / in, messages / out);
	destroy_db(path);
	return 0;
}
