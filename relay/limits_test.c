/* The bounded tables: rates, dedupe, revocations; and tokens and the arena. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>

#include "arena.h"
#include "buf.h"
#include "dedupe.h"
#include "rate.h"
#include "relay.pb-c.h"
#include "revoked.h"
#include "store.h"
#include "sys.h"
#include "token.h"

static void test_rate_allows_the_burst_then_the_rate(void **state)
{
	const struct rate_limit limit = { .burst = 5, .per_minute = 60 };
	struct rates r;

	(void)state;
	rate_init(&r, &sys_real, 10);
	for (int i = 0; i < 5; i++)
		assert_true(rate_take(&r, "a", 1, &limit, 1, 1000));
	assert_false(rate_take(&r, "a", 1, &limit, 1, 1000));
	assert_true(rate_take(&r, "b", 1, &limit, 5, 1000));
	assert_false(rate_take(&r, "a", 1, &limit, 1, 1999));
	assert_true(rate_take(&r, "a", 1, &limit, 1, 2000));
	assert_false(rate_take(&r, "a", 1, &limit, 1, 2000));
	/* A year fills it and no more. */
	assert_true(rate_take(&r, "a", 1, &limit, 5, 31536000000));
	assert_false(rate_take(&r, "a", 1, &limit, 1, 31536000000));
	rate_finish(&r);
}

static void test_rate_table_is_bounded_and_keeps_the_used(void **state)
{
	const struct rate_limit limit = { .burst = 2, .per_minute = 1 };
	struct rates r;

	(void)state;
	rate_init(&r, &sys_real, 100);
	assert_true(rate_take(&r, "x", 1, &limit, 2, 1));
	for (uint32_t i = 1000; i < 2000; i++) {
		assert_true(rate_take(&r, &i, sizeof(i), &limit, 1, 1));
		assert_false(rate_take(&r, "x", 1, &limit, 1, 1));
		assert_true(r.table.n <= 100);
	}
	rate_finish(&r);
}

static void key_of(uint32_t i, uint8_t key[static DEDUPE_KEY_LEN])
{
	memset(key, 0, DEDUPE_KEY_LEN);
	put_u32(key, i);
}

static void test_dedupe_tells_same_other_and_new_and_forgets_the_oldest(
	void **state)
{
	const uint8_t one[DEDUPE_DIGEST_LEN] = { 1 };
	const uint8_t two[DEDUPE_DIGEST_LEN] = { 2 };
	uint8_t key[DEDUPE_KEY_LEN];
	struct dedupe d;

	(void)state;
	dedupe_init(&d, &sys_real, 50);
	for (uint32_t i = 0; i < 120; i++) {
		key_of(i, key);
		assert_int_equal(dedupe_find(&d, key, one), DEDUPE_NEW);
		dedupe_add(&d, key, one);
		dedupe_add(&d, key, two);
		assert_int_equal(dedupe_find(&d, key, one), DEDUPE_SAME);
		assert_int_equal(dedupe_find(&d, key, two), DEDUPE_OTHER);
	}
	key_of(69, key);
	assert_int_equal(dedupe_find(&d, key, one), DEDUPE_NEW);
	key_of(70, key);
	assert_int_equal(dedupe_find(&d, key, one), DEDUPE_SAME);
	dedupe_finish(&d);
}

static void test_revoked_binds_the_id_to_the_account(void **state)
{
	const uint8_t key[32] = { 3 };
	const uint8_t id[CAPABILITY_ID_LEN] = { 4 };
	struct account_id ann = { { 1 } }, eve = { { 2 } };
	uint8_t hash[CAPABILITY_ID_LEN];
	struct revoked r;

	(void)state;
	revoked_init(&r, &sys_real, key);
	assert_false(revoked_has(&r, &ann, id));
	revoked_hash(&r, &eve, id, hash);
	revoked_add(&r, &eve, hash);
	assert_false(revoked_has(&r, &ann, id));
	revoked_hash(&r, &ann, id, hash);
	revoked_add(&r, &ann, hash);
	revoked_add(&r, &ann, hash);
	assert_true(revoked_has(&r, &ann, id));
	assert_int_equal(r.table.n, 2);
	revoked_finish(&r);
}

static void add_revoked(struct revoked *r, const struct account_id *account,
			uint32_t n)
{
	uint8_t id[CAPABILITY_ID_LEN] = { 0 }, hash[CAPABILITY_ID_LEN];

	for (uint32_t i = 0; i < n; i++) {
		put_u32(id, i);
		revoked_hash(r, account, id, hash);
		revoked_add(r, account, hash);
	}
}

static void test_revoked_of_one_account_are_bounded(void **state)
{
	const uint8_t key[32] = { 3 };
	struct account_id ann = { { 1 } }, eve = { { 2 } };
	struct revoked r;

	(void)state;
	revoked_init(&r, &sys_real, key);
	assert_true(revoked_room(&r, &eve, REVOKED_ACCOUNT_MAX));
	assert_false(revoked_room(&r, &eve, REVOKED_ACCOUNT_MAX + 1));
	add_revoked(&r, &eve, REVOKED_ACCOUNT_MAX);
	add_revoked(&r, &eve, REVOKED_ACCOUNT_MAX);
	assert_int_equal(r.table.n, REVOKED_ACCOUNT_MAX);
	assert_false(revoked_room(&r, &eve, 1));
	assert_true(revoked_room(&r, &ann, REVOKED_ACCOUNT_MAX));
	revoked_finish(&r);
}

static void test_revoked_leaves_room_for_everybody(void **state)
{
	const uint8_t key[32] = { 3 };
	struct account_id ann = { { 1 } }, eve = { { 2 } };
	struct revoked r;

	(void)state;
	revoked_init(&r, &sys_real, key);
	for (int i = 0; i < REVOKED_MAX / REVOKED_ACCOUNT_MAX; i++) {
		eve.b[1] = (uint8_t)i;
		add_revoked(&r, &eve, REVOKED_ACCOUNT_MAX);
	}
	assert_false(revoked_room(&r, &eve, 1));
	assert_true(revoked_room(&r, &ann, REVOKED_RESERVED));
	assert_false(revoked_room(&r, &ann, REVOKED_RESERVED + 1));
	revoked_finish(&r);
}

static void test_token_is_of_this_device_and_incarnation(void **state)
{
	const uint8_t key[32] = { 1 };
	uint8_t incarnation[INCARNATION_LEN] = { 2 };
	struct mailbox_id id = { .device = 3 };
	uint8_t token[TOKEN_LEN];
	uint64_t counter;

	(void)state;
	token_make(key, incarnation, &id, 77, token);
	assert_int_equal(token_check(key, incarnation, &id, token, &counter),
			 OK);
	assert_int_equal(counter, 77);
	for (int i = 0; i < TOKEN_LEN; i++) {
		token[i] ^= 1;
		assert_int_equal(token_check(key, incarnation, &id, token,
					     &counter), ERR_SIGNATURE);
		token[i] ^= 1;
	}
	id.device = 4;
	assert_int_equal(token_check(key, incarnation, &id, token, &counter),
			 ERR_SIGNATURE);
	id.device = 3;
	incarnation[0] = 9;
	assert_int_equal(token_check(key, incarnation, &id, token, &counter),
			 ERR_SIGNATURE);
}

static void test_arena_bounds_what_a_small_frame_takes(void **state)
{
	static struct arena a;
	uint8_t frame[4096];

	(void)state;
	for (size_t i = 0; i < sizeof(frame); i += 2) {
		frame[i] = 0x0a;	/* an empty message */
		frame[i + 1] = 0;
	}
	arena_init(&a);
	arena_reset(&a, 4 * sizeof(frame));
	assert_null(sotto__client_frame__unpack(&a.allocator, sizeof(frame),
						frame));
	assert_true(a.used <= 4 * sizeof(frame));
	arena_reset(&a, 1024 * 1024);
	assert_non_null(sotto__client_frame__unpack(&a.allocator,
						    sizeof(frame), frame));
	arena_finish(&a);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_rate_allows_the_burst_then_the_rate),
		cmocka_unit_test(test_rate_table_is_bounded_and_keeps_the_used),
		cmocka_unit_test(
		test_dedupe_tells_same_other_and_new_and_forgets_the_oldest),
		cmocka_unit_test(test_revoked_binds_the_id_to_the_account),
		cmocka_unit_test(test_revoked_of_one_account_are_bounded),
		cmocka_unit_test(test_revoked_leaves_room_for_everybody),
		cmocka_unit_test(test_token_is_of_this_device_and_incarnation),
		cmocka_unit_test(test_arena_bounds_what_a_small_frame_takes),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
