#include "keys.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <sodium.h>

#include "log.h"
#include "test_store.h"

static uint64_t wall;

static uint64_t fixed_wall(void *ctx)
{
	(void)ctx;
	return wall;
}

static void real_random(void *ctx, void *out, size_t len)
{
	(void)ctx;
	randombytes_buf(out, len);
}

static const struct sys clock_sys = { .wall_ms = fixed_wall,
				      .mono_ms = fixed_wall,
				      .random = real_random };

static struct keys *make(struct test_store *t)
{
	struct secret *recovery;
	struct keys *k;

	wall = 1700000000000;
	assert_int_equal(db_begin(t->db), OK);
	assert_int_equal(keys_create(t->db, &clock_sys, &recovery), OK);
	assert_int_equal(db_commit(t->db), OK);
	secret_destroy(recovery);
	assert_int_equal(keys_load(t->db, &k), OK);
	return k;
}

static void test_keys_of_a_new_account_verify(void **state)
{
	struct test_store *t = *state;
	uint8_t root[SIGN_PUBLIC_LEN], secret[SIGN_SECRET_LEN];
	struct secret *recovery;
	struct device_list list;
	struct keys *k;
	struct buf b;

	assert_int_equal(keys_load(t->db, &k), ERR_NOT_FOUND);
	assert_int_equal(keys_create(t->db, &sys_real, &recovery), OK);
	assert_int_equal(recovery->len, RECOVERY_SEED_LEN);
	crypto_sign_seed_keypair(root, secret, recovery->data);
	test_store_reopen(t);
	assert_int_equal(keys_load(t->db, &k), OK);
	assert_memory_equal(k->root, root, sizeof(root));
	assert_int_equal(k->device, 1);
	buf_init(&b, 4096);
	assert_int_equal(keys_list_encoded(t->db, &b), OK);
	assert_int_equal(device_list_decode(b.data, b.len, &list), OK);
	assert_true(account_equal(&list.account, &k->account));
	assert_int_equal(list.epoch, 1);
	assert_int_equal(list.version, 1);
	buf_finish(&b);
	secret_destroy(recovery);
	assert_int_equal(keys_create(t->db, &sys_real, &recovery), ERR_EXISTS);
	keys_destroy(k);
}

static Sotto__Bundle *bundle(struct test_store *t, const struct keys *k)
{
	Sotto__Bundle *in;
	struct buf b;

	buf_init(&b, 4096);
	assert_int_equal(keys_bundle_encoded(t->db, &b), OK);
	in = sotto__bundle__unpack(NULL, b.len, b.data);
	assert_non_null(in);
	assert_int_equal(bundle_verify(in, &k->list), OK);
	buf_finish(&b);
	return in;
}

static void test_keys_rotate_after_a_week_and_keep_the_old_for_a_month(
	void **state)
{
	struct test_store *t = *state;
	struct keys *k = make(t);
	Sotto__Bundle *first = bundle(t, k), *second;
	struct seal_pair pairs[8];
	bool changed = true;

	wall += (SIGNED_PREKEY_AGE - 1) * 1000ull;
	assert_int_equal(keys_rotate(t->db, k, &clock_sys, &changed), OK);
	assert_false(changed);
	wall += 1000;
	assert_int_equal(keys_rotate(t->db, k, &clock_sys, &changed), OK);
	assert_true(changed);
	second = bundle(t, k);
	assert_int_not_equal(first->signed_prekey_id, second->signed_prekey_id);
	assert_memory_not_equal(first->seal_key->public_key.data,
				second->seal_key->public_key.data,
				SEAL_KEY_LEN);
	assert_int_equal(keys_seal_pairs(t->db, pairs, 8), 2);
	assert_memory_equal(pairs[0].public_key,
			    second->seal_key->public_key.data, SEAL_KEY_LEN);
	assert_memory_equal(pairs[1].public_key,
			    first->seal_key->public_key.data, SEAL_KEY_LEN);
	wall += 24 * 3600 * 1000;
	assert_int_equal(keys_rotate(t->db, k, &clock_sys, &changed), OK);
	assert_int_equal(keys_seal_pairs(t->db, pairs, 8), 2);
	wall += (SEAL_KEY_KEEP + 1) * 1000ull;
	assert_int_equal(keys_rotate(t->db, k, &clock_sys, &changed), OK);
	assert_true(changed);
	assert_int_equal(keys_seal_pairs(t->db, pairs, 8), 2);
	assert_memory_equal(pairs[1].public_key,
			    second->seal_key->public_key.data, SEAL_KEY_LEN);
	assert_int_equal(keys_seal_pairs(t->db, pairs, 1), 1);
	sotto__bundle__free_unpacked(first, NULL);
	sotto__bundle__free_unpacked(second, NULL);
	keys_destroy(k);
}

static void test_keys_one_time_prekeys_never_repeat_an_id(void **state)
{
	struct test_store *t = *state;
	uint8_t keys[3][IDENTITY_KEY_LEN];
	uint32_t ids[3], last;
	struct keys *k = make(t);

	assert_int_equal(keys_make_prekeys(t->db, &clock_sys, 3, ids, keys),
			 OK);
	assert_int_equal(keys[0][0], 0x05);
	assert_memory_not_equal(keys[0], keys[1], IDENTITY_KEY_LEN);
	last = ids[2];
	test_store_reopen(t);
	assert_int_equal(keys_make_prekeys(t->db, &clock_sys, 3, ids, keys),
			 OK);
	assert_true(ids[0] > last);
	keys_destroy(k);
}

static void test_keys_damaged_are_corrupt(void **state)
{
	struct test_store *t = *state;
	struct keys *k = make(t);

	keys_destroy(k);
	assert_int_equal(db_put(t->db, "own-list", "x", 1), OK);
	assert_int_equal(keys_load(t->db, &k), ERR_CORRUPT);
}

static void test_safety_number_is_the_same_for_both(void **state)
{
	const uint8_t a[SIGN_PUBLIC_LEN] = { 1 }, b[SIGN_PUBLIC_LEN] = { 2 };
	const uint8_t c[SIGN_PUBLIC_LEN] = { 3 };
	char ab[72], ba[72], ac[72];

	(void)state;
	safety_number(a, b, ab);
	safety_number(b, a, ba);
	safety_number(a, c, ac);
	assert_string_equal(ab, ba);
	assert_string_not_equal(ab, ac);
	assert_int_equal(strlen(ab), 71);
	for (int i = 0; i < 71; i++)
		assert_true(i % 6 == 5 ? ab[i] == ' ' :
			    ab[i] >= '0' && ab[i] <= '9');
	safety_number(a, a, ab);
	assert_memory_equal(ab, ab + 36, 35);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_keys_of_a_new_account_verify),
		STORE_TEST(test_keys_rotate_after_a_week_and_keep_the_old_for_a_month),
		STORE_TEST(test_keys_one_time_prekeys_never_repeat_an_id),
		STORE_TEST(test_keys_damaged_are_corrupt),
		cmocka_unit_test(test_safety_number_is_the_same_for_both),
	};

	log_init("keys_test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
