#include "vault.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "log.h"
#include "test_store.h"

static struct secret *text(const char *s)
{
	return secret_copy((const uint8_t *)s, strlen(s));
}

static void write_text(const struct test_store *t, const char *name,
		       const char *s)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s", t->dir, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(s, f);
	assert_int_equal(fclose(f), 0);
}

static void assert_same_key(const struct secret *a, const struct secret *b)
{
	assert_int_equal(a->len, DB_KEY_LEN);
	assert_int_equal(b->len, DB_KEY_LEN);
	assert_memory_equal(a->data, b->data, DB_KEY_LEN);
}

static void test_vault_absent_is_none(void **state)
{
	struct test_store *t = *state;
	enum vault_kind kind = VAULT_PASSPHRASE;
	struct secret *key;
	char *file;

	assert_int_equal(vault_read(t->dir, &kind, &file), OK);
	assert_int_equal(kind, VAULT_NONE);
	assert_null(file);
	assert_int_equal(vault_unlock(t->dir, NULL, &key), ERR_NOT_FOUND);
}

/* Of another user, who could read what is written into it. */
static void test_vault_key_does_not_go_into_a_file_that_was_there(void **state)
{
	struct test_store *t = *state;
	char path[128], got[8] = "";
	struct secret *key;
	int fd;

	snprintf(path, sizeof(path), "%s/key.new", t->dir);
	fd = open(path, O_RDWR | O_CREAT, 0666);
	assert_true(fd >= 0);
	assert_int_equal(vault_create_key_file(t->dir, "key", &key), OK);
	assert_int_equal(pread(fd, got, sizeof(got), 0), 0);
	close(fd);
	secret_destroy(key);
}

static void test_vault_passphrase_opens_and_a_wrong_one_does_not(void **state)
{
	struct test_store *t = *state;
	struct secret *right = text("correct horse"), *wrong = text("correct hors");
	struct secret *key, *again, *none = NULL;
	enum vault_kind kind;
	char *file;

	assert_int_equal(vault_create_passphrase(t->dir, right, &key), OK);
	assert_int_equal(vault_read(t->dir, &kind, &file), OK);
	assert_int_equal(kind, VAULT_PASSPHRASE);
	assert_null(file);
	assert_int_equal(vault_unlock(t->dir, right, &again), OK);
	assert_same_key(key, again);
	assert_int_equal(vault_unlock(t->dir, wrong, &none), ERR_KEY);
	assert_int_equal(vault_unlock(t->dir, NULL, &none), ERR_LOCKED);
	assert_null(none);
	secret_destroy(key);
	secret_destroy(again);
	secret_destroy(right);
	secret_destroy(wrong);
}

static void test_vault_key_file_is_made_for_its_owner_and_moves(void **state)
{
	struct test_store *t = *state;
	char path[128], moved[128], key_path[256];
	struct secret *key, *again;
	enum vault_kind kind;
	struct stat st;
	char *file;

	assert_int_equal(vault_create_key_file(t->dir, "key", &key), OK);
	snprintf(path, sizeof(path), "%s/key", t->dir);
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 0777, 0600);
	snprintf(moved, sizeof(moved), "%s-moved", t->dir);
	assert_int_equal(rename(t->dir, moved), 0);
	assert_int_equal(vault_read(moved, &kind, &file), OK);
	assert_int_equal(kind, VAULT_KEY_FILE);
	snprintf(key_path, sizeof(key_path), "%s/key", moved);
	assert_string_equal(file, key_path);
	free(file);
	assert_int_equal(vault_unlock(moved, NULL, &again), OK);
	assert_same_key(key, again);
	assert_int_equal(rename(moved, t->dir), 0);
	secret_destroy(key);
	secret_destroy(again);
}

static void test_vault_key_file_that_is_there_is_read(void **state)
{
	struct test_store *t = *state;
	struct secret *key;
	char path[128];

	write_text(t, "key", "00112233445566778899aabbccddeeff"
		   "00112233445566778899aabbccddeeff\n");
	snprintf(path, sizeof(path), "%s/key", t->dir);
	assert_int_equal(vault_create_key_file(t->dir, path, &key), OK);
	assert_int_equal(key->data[1], 0x11);
	assert_int_equal(key->data[31], 0xff);
	secret_destroy(key);
	write_text(t, "key", "ff112233445566778899aabbccddeeff"
		   "00112233445566778899aabbccddeeff\n");
	assert_int_equal(vault_unlock(t->dir, NULL, &key), ERR_KEY);
	unlink(path);
	assert_int_equal(vault_unlock(t->dir, NULL, &key), ERR_NOT_FOUND);
}

static void test_vault_damaged_files_are_corrupt(void **state)
{
	static const char *const bad[] = {
		"", "sotto-vault 2\n", "sotto-vault 1\n",
		"sotto-vault 1\nargon2id 3 262144 00\ncheck 00\n",
		"sotto-vault 1\nargon2id 3 99999999999 "
		"00112233445566778899aabbccddeeff\n"
		"check 00112233445566778899aabbccddeeff\n",
		"sotto-vault 1\nkey-file \n"
		"check 00112233445566778899aabbccddeeff\n",
		"sotto-vault 1\nother\n"
		"check 00112233445566778899aabbccddeeff\n",
	};
	struct test_store *t = *state;
	struct secret *key;
	enum vault_kind kind;
	char *file;

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		write_text(t, "vault", bad[i]);
		assert_int_equal(vault_read(t->dir, &kind, &file), ERR_CORRUPT);
		assert_int_equal(vault_unlock(t->dir, NULL, &key), ERR_CORRUPT);
	}
	write_text(t, "key", "00112233 not a key\n");
	assert_int_equal(vault_create_key_file(t->dir, "key", &key),
			 ERR_CORRUPT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_vault_absent_is_none),
		STORE_TEST(test_vault_key_does_not_go_into_a_file_that_was_there),
		STORE_TEST(test_vault_passphrase_opens_and_a_wrong_one_does_not),
		STORE_TEST(test_vault_key_file_is_made_for_its_owner_and_moves),
		STORE_TEST(test_vault_key_file_that_is_there_is_read),
		STORE_TEST(test_vault_damaged_files_are_corrupt),
	};

	log_init("vault_test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
