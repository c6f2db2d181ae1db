/* The saved database of each version still opens. tests/data/store-1 was made by
 * SQLCipher 3.4.1; before the first release, when migration 1 itself changes,
 * `schema_test make tests/data/store-1` on Debian 12 makes it anew. After that
 * it never changes. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "contacts.h"
#include "events.h"
#include "history.h"
#include "keys.h"
#include "log.h"
#include "schema.h"
#include "test_store.h"

#define SAVED "tests/data/store-1"

static int fill(struct db *db)
{
	struct contact c = { .state = CONTACT_ADDED, .name = "Ada" };
	struct message m = { .device = 1, .counter = 1, .clock = 1,
			     .state = MESSAGE_RECEIVED,
			     .text = "a word in \xe6\xbc\xa2\xe5\xad\x97" };
	struct secret *recovery;
	int64_t seq;
	int r = keys_create(db, &sys_real, &recovery);

	if (r < 0)
		return r;
	secret_destroy(recovery);
	if ((r = contact_save(db, &c)))
		return r;
	m.contact = c.row;
	if ((r = history_add(db, &m)))
		return r;
	return events_append(db, "message", "{}", &seq);
}

static int make(const char *path)
{
	struct secret *key = secret_create(DB_KEY_LEN);
	struct db *db;
	int r;

	memset(key->data, 0x42, DB_KEY_LEN);
	unlink(path);
	r = db_open(path, key, &db);
	if (!r)
		r = db_begin(db);
	if (!r)
		r = fill(db);
	if (!r)
		r = db_commit(db);
	printf("%s: %s\n", path, err_text(r));
	if (!r)
		db_close(db);	/* the log goes into the file */
	secret_destroy(key);
	return r ? 1 : 0;
}

static void copy_saved(struct test_store *t)
{
	FILE *from = fopen(SAVED, "rb"), *to;
	char block[4096];
	size_t n;

	if (!from)
		fail_msg(SAVED " is not here: run this from the tree's root");
	to = fopen(t->path, "wb");
	assert_non_null(to);
	while ((n = fread(block, 1, sizeof(block), from)) > 0)
		assert_int_equal(fwrite(block, 1, n, to), n);
	fclose(from);
	assert_int_equal(fclose(to), 0);
}

static int found(void *ctx, const struct message *m)
{
	(void)m;
	++*(int *)ctx;
	return 0;
}

static void test_schema_store_of_version_1_opens(void **state)
{
	struct test_store *t = *state;
	struct contact c;
	struct keys *k;
	int64_t seq;
	int n = 0;

	test_store_close(t);
	copy_saved(t);
	test_store_reopen(t);
	assert_int_equal(keys_load(t->db, &k), OK);
	keys_destroy(k);
	assert_int_equal(contact_find(t->db, "ada", &c), OK);
	assert_int_equal(history_search(t->db, "word", c.row, 9, found, &n),
			 OK);
	assert_int_equal(history_search(t->db, "\xe6\xbc\xa2\xe5\xad\x97", 0,
					9, found, &n), OK);
	assert_int_equal(n, 2);
	assert_int_equal(events_last(t->db, &seq), OK);
	assert_int_equal(seq, 1);
}

/* All CREATE statements, heap. */
static char *schema_of(struct db *db)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT ifnull(group_concat(sql, ';'), '') FROM"
		" (SELECT sql FROM sqlite_master ORDER BY name)");
	char *text;

	assert_int_equal(db_step(db, st), 1);
	text = xstrdup(db_text(st, 0));
	db_done(st);
	return text;
}

/* A migration that was released is never edited: what it makes is what the saved
 * database and the migrations after it make. */
static void test_schema_is_what_the_migrations_make(void **state)
{
	struct test_store *t = *state;
	char *fresh = schema_of(t->db), *saved;

	test_store_close(t);
	copy_saved(t);
	test_store_reopen(t);
	saved = schema_of(t->db);
	assert_string_equal(fresh, saved);
	free(fresh);
	free(saved);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_schema_store_of_version_1_opens),
		STORE_TEST(test_schema_is_what_the_migrations_make),
	};

	if (secret_process_init() < 0)
		return 1;
	log_init("schema_test", LOG_ERROR);
	if (argc == 3 && strcmp(argv[1], "make") == 0)
		return make(argv[2]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
