#include "db.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "log.h"
#include "test_store.h"

static void test_db_open_again_finds_what_was_put(void **state)
{
	struct test_store *t = *state;
	struct buf b;
	int64_t v;

	assert_int_equal(db_put(t->db, "a", "bytes", 5), OK);
	assert_int_equal(db_put_int(t->db, "n", INT64_MIN), OK);
	assert_int_equal(db_put(t->db, "empty", NULL, 0), OK);
	test_store_reopen(t);
	buf_init(&b, 16);
	assert_int_equal(db_get(t->db, "a", &b), OK);
	assert_int_equal(b.len, 5);
	assert_memory_equal(b.data, "bytes", 5);
	assert_int_equal(db_get(t->db, "empty", &b), OK);
	assert_int_equal(b.len, 5);
	assert_int_equal(db_get_int(t->db, "n", &v), OK);
	assert_true(v == INT64_MIN);
	buf_finish(&b);
}

static void test_db_open_with_another_key_is_refused(void **state)
{
	struct test_store *t = *state;
	struct secret *other = secret_create(DB_KEY_LEN);
	struct db *db = NULL;

	test_store_close(t);
	assert_int_equal(db_open(t->path, other, &db), ERR_KEY);
	assert_null(db);
	secret_destroy(other);
	test_store_reopen(t);
}

static void test_db_file_is_for_its_owner_alone_and_encrypted(void **state)
{
	struct test_store *t = *state;
	char first[16], path[sizeof(t->path) + 8];
	struct stat st;
	FILE *f;

	assert_int_equal(db_put(t->db, "a", "x", 1), OK);
	assert_int_equal(stat(t->path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(path, sizeof(path), "%s-wal", t->path);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	test_store_close(t);
	f = fopen(t->path, "rb");
	assert_non_null(f);
	assert_int_equal(fread(first, 1, sizeof(first), f), sizeof(first));
	fclose(f);
	assert_memory_not_equal(first, "SQLite format 3", sizeof(first));
	test_store_reopen(t);
}

static void test_db_open_of_a_newer_version_is_stale(void **state)
{
	struct test_store *t = *state;
	struct db *db;

	assert_int_equal(db_run(t->db, db_prepare(t->db,
						  "PRAGMA user_version = 99")),
			 OK);
	test_store_close(t);
	assert_int_equal(db_open(t->path, t->key, &db), ERR_STALE);
	unlink(t->path);
	test_store_reopen(t);
}

static void test_db_damaged_page_is_corrupt(void **state)
{
	struct test_store *t = *state;
	char block[4096] = { 1, 2, 3 };
	struct buf b;
	FILE *f;

	assert_int_equal(db_put(t->db, "a", block, sizeof(block)), OK);
	test_store_close(t);
	f = fopen(t->path, "r+b");
	assert_non_null(f);
	assert_int_equal(fseek(f, 0, SEEK_END), 0);
	for (long at = 4096; at < ftell(f); at += 4096) {
		long end = ftell(f);

		assert_int_equal(fseek(f, at + 100, SEEK_SET), 0);
		assert_int_equal(fputc(0x5a, f), 0x5a);
		assert_int_equal(fseek(f, end, SEEK_SET), 0);
	}
	fclose(f);
	buf_init(&b, 8192);
	if (db_open(t->path, t->key, &t->db) == OK)
		assert_int_equal(db_get(t->db, "a", &b), ERR_CORRUPT);
	else
		t->db = NULL;
	buf_finish(&b);
	test_store_close(t);
	unlink(t->path);
	test_store_reopen(t);
}

static int64_t get_n(struct db *db)
{
	int64_t v = -1;

	return db_get_int(db, "n", &v) == OK ? v : -1;
}

static void test_db_rollback_takes_all_back(void **state)
{
	struct test_store *t = *state;

	assert_int_equal(db_put_int(t->db, "n", 1), OK);
	assert_int_equal(db_begin(t->db), OK);
	assert_int_equal(db_put_int(t->db, "n", 2), OK);
	db_rollback(t->db);
	db_rollback(t->db);
	assert_int_equal(get_n(t->db), 1);
}

static void test_db_savepoints_nest(void **state)
{
	struct test_store *t = *state;

	assert_int_equal(db_begin(t->db), OK);
	assert_int_equal(db_put_int(t->db, "n", 1), OK);
	assert_int_equal(db_savepoint(t->db), OK);
	assert_int_equal(db_put_int(t->db, "n", 2), OK);
	assert_int_equal(db_savepoint(t->db), OK);
	assert_int_equal(db_put_int(t->db, "n", 3), OK);
	db_rollback_savepoint(t->db);
	assert_int_equal(get_n(t->db), 2);
	assert_int_equal(db_release(t->db), OK);
	assert_int_equal(db_savepoint(t->db), OK);
	assert_int_equal(db_put_int(t->db, "n", 4), OK);
	db_rollback_savepoint(t->db);
	assert_int_equal(db_commit(t->db), OK);
	test_store_reopen(t);
	assert_int_equal(get_n(t->db), 2);
}

/* A full disk: the file may not grow any more. */
static void test_db_full_disk_fails_and_keeps_what_was(void **state)
{
	struct test_store *t = *state;
	struct rlimit before, small;
	uint8_t *big = xcalloc(1, 512 * 1024);
	struct stat st;
	int r = OK;

	assert_int_equal(db_put_int(t->db, "n", 1), OK);
	assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
	assert_int_equal(stat(t->path, &st), 0);
	small = before;
	small.rlim_cur = (rlim_t)st.st_size + 64 * 1024;
	signal(SIGXFSZ, SIG_IGN);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
	assert_int_equal(db_begin(t->db), OK);
	assert_int_equal(db_put_int(t->db, "n", 2), OK);
	for (int i = 0; i < 20 && !r; i++) {
		char name[16];

		snprintf(name, sizeof(name), "b%d", i);
		r = db_put(t->db, name, big, 512 * 1024);
	}
	if (!r)
		r = db_commit(t->db);
	else
		db_rollback(t->db);
	assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
	assert_true(r == ERR_STORE || r == ERR_NO_SPACE);
	assert_int_equal(get_n(t->db), 1);
	assert_int_equal(db_begin(t->db), OK);
	assert_int_equal(db_put_int(t->db, "n", 3), OK);
	assert_int_equal(db_commit(t->db), OK);
	test_store_reopen(t);
	assert_int_equal(get_n(t->db), 3);
	free(big);
}

/* After an error at which SQLite rolls back by itself nothing may be written
 * until the caller has heard of it. */
static void test_db_lost_transaction_takes_no_more(void **state)
{
	struct test_store *t = *state;
	uint8_t *big = xcalloc(1, 512 * 1024);
	int lost;

	assert_int_equal(db_put_int(t->db, "n", 1), OK);
	assert_int_equal(db_run(t->db, db_prepare(t->db,
				"PRAGMA max_page_count = 60")), OK);
	assert_int_equal(db_begin(t->db), OK);
	assert_int_equal(db_savepoint(t->db), OK);
	assert_int_equal(db_put_int(t->db, "n", 2), OK);
	assert_int_equal(db_put(t->db, "big", big, 512 * 1024), ERR_NO_SPACE);
	/* Newer versions have rolled back at the full disk already. */
	lost = db_run(t->db, db_prepare(t->db,
				"INSERT OR ROLLBACK INTO value (name, value)"
				" VALUES ('n', 5)"));
	assert_true(lost == ERR_EXISTS || lost == ERR_NO_SPACE);
	assert_int_equal(db_put_int(t->db, "n", 3), lost);
	assert_int_equal(db_savepoint(t->db), lost);
	db_rollback_savepoint(t->db);
	assert_int_equal(db_commit(t->db), lost);
	assert_int_equal(get_n(t->db), 1);
	free(big);
}

static unsigned hooked;

static int hook(struct db *db)
{
	hooked++;
	return db_put_int(db, "hooked", hooked);
}

static void test_db_before_commit_runs_once_in_the_transaction(void **state)
{
	struct test_store *t = *state;
	int64_t v = 0;

	hooked = 0;
	assert_int_equal(db_begin(t->db), OK);
	db_before_commit(t->db, hook);
	db_before_commit(t->db, hook);
	assert_int_equal(db_commit(t->db), OK);
	assert_int_equal(db_begin(t->db), OK);
	db_before_commit(t->db, hook);
	db_rollback(t->db);
	assert_int_equal(db_begin(t->db), OK);
	assert_int_equal(db_commit(t->db), OK);
	assert_int_equal(hooked, 1);
	assert_int_equal(db_get_int(t->db, "hooked", &v), OK);
	assert_int_equal(v, 1);
}

static void test_db_bad_sql_is_an_error_at_the_step(void **state)
{
	struct test_store *t = *state;
	struct sqlite3_stmt *st = db_prepare(t->db, "SELECT nothing FROM here");

	assert_null(st);
	db_bind_int(st, 1, 1);
	db_bind_text(st, 2, "x");
	assert_int_equal(db_step(t->db, st), ERR_STORE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_db_open_again_finds_what_was_put),
		STORE_TEST(test_db_open_with_another_key_is_refused),
		STORE_TEST(test_db_file_is_for_its_owner_alone_and_encrypted),
		STORE_TEST(test_db_open_of_a_newer_version_is_stale),
		STORE_TEST(test_db_damaged_page_is_corrupt),
		STORE_TEST(test_db_rollback_takes_all_back),
		STORE_TEST(test_db_savepoints_nest),
		STORE_TEST(test_db_full_disk_fails_and_keeps_what_was),
		STORE_TEST(test_db_lost_transaction_takes_no_more),
		STORE_TEST(test_db_before_commit_runs_once_in_the_transaction),
		STORE_TEST(test_db_bad_sql_is_an_error_at_the_step),
	};

	log_init("db_test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
