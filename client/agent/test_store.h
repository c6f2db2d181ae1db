/* A database in a directory of its own, for tests: its fixture. */
#ifndef SOTTO_TEST_STORE_H
#define SOTTO_TEST_STORE_H

#include <assert.h>
#include <signal.h>
#include <stdlib.h>
#include <unistd.h>

#include "db.h"

struct test_store {
	char dir[64];
	char path[128];
	struct secret *key;
	struct db *db;
};

static inline void test_store_close(struct test_store *t)
{
	db_close(t->db);
	t->db = NULL;
}

static inline void test_store_reopen(struct test_store *t)
{
	int r;

	test_store_close(t);
	r = db_open(t->path, t->key, &t->db);
	assert(r == OK);
	(void)r;
}

/* cmocka's setup and teardown. */
static inline int test_store_setup(void **state)
{
	struct test_store *t = xcalloc(1, sizeof(*t));

	if (secret_process_init() < 0)
		return -1;
	snprintf(t->dir, sizeof(t->dir), "/tmp/sotto-test-XXXXXX");
	if (!mkdtemp(t->dir))
		return -1;
	snprintf(t->path, sizeof(t->path), "%s/store", t->dir);
	t->key = secret_create(DB_KEY_LEN);
	memset(t->key->data, 0x42, DB_KEY_LEN);
	test_store_reopen(t);
	*state = t;
	return 0;
}

static inline int test_store_teardown(void **state)
{
	static const char *const names[] = { "store", "store-wal", "store-shm",
					     "vault", "key" };
	struct test_store *t = *state;
	char path[128];

	test_store_close(t);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", t->dir, names[i]);
		unlink(path);
	}
	rmdir(t->dir);
	secret_destroy(t->key);
	free(t);
	return 0;
}

#define STORE_TEST(fn) \
	cmocka_unit_test_setup_teardown(fn, test_store_setup, \
					test_store_teardown)

#endif
