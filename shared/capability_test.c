#include "capability.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const uint8_t key[CAPABILITY_KEY_LEN] = { 1, 2, 3 };
static const struct account_id alice = { { 7 } };
static const struct capability intro = {
	CAP_INTRO, { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12 }, 0x010203,
};

static int check(const uint8_t *in, uint32_t now)
{
	struct capability c;

	return capability_check(in, CAPABILITY_LEN, &alice, key, now, &c);
}

static void test_capability_mint_has_the_documented_form(void **state)
{
	static const uint8_t head[] = { 1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11,
					12, 1, 2, 3 };
	uint8_t in[CAPABILITY_LEN];
	struct capability c;

	(void)state;
	capability_mint(&intro, &alice, key, in);
	assert_memory_equal(in, head, sizeof(head));
	assert_int_equal(capability_check(in, sizeof(in), &alice, key, 5, &c),
			 OK);
	assert_int_equal(c.class, CAP_INTRO);
	assert_int_equal(c.expiry, 0x010203);
	assert_memory_equal(c.id, intro.id, sizeof(c.id));
}

static void test_capability_check_refuses_any_changed_bit(void **state)
{
	uint8_t in[CAPABILITY_LEN];
	int r;

	(void)state;
	capability_mint(&intro, &alice, key, in);
	for (size_t i = 0; i < sizeof(in) * 8; i++) {
		in[i / 8] ^= (uint8_t)(1 << i % 8);
		r = check(in, 5);
		assert_true(r == ERR_SIGNATURE || (i < 16 && r == ERR_FORMAT));
		in[i / 8] ^= (uint8_t)(1 << i % 8);
	}
	assert_int_equal(check(in, 5), OK);
}

static void test_capability_check_for_another_account_or_key(void **state)
{
	const struct account_id bob = { { 8 } };
	const uint8_t other[CAPABILITY_KEY_LEN] = { 0 };
	uint8_t in[CAPABILITY_LEN];
	struct capability c;

	(void)state;
	capability_mint(&intro, &alice, key, in);
	assert_int_equal(capability_check(in, sizeof(in), &bob, key, 5, &c),
			 ERR_SIGNATURE);
	assert_int_equal(capability_check(in, sizeof(in), &alice, other, 5, &c),
			 ERR_SIGNATURE);
}

static void test_capability_check_at_the_hour_of_expiry(void **state)
{
	uint8_t in[CAPABILITY_LEN];

	(void)state;
	capability_mint(&intro, &alice, key, in);
	assert_int_equal(check(in, intro.expiry - 1), OK);
	assert_int_equal(check(in, intro.expiry), ERR_STALE);
	assert_int_equal(check(in, UINT32_MAX), ERR_STALE);
	/* A forged one is not told from a forged and expired one. */
	in[CAPABILITY_LEN - 1] ^= 1;
	assert_int_equal(check(in, UINT32_MAX), ERR_SIGNATURE);
}

static void test_capability_read_refuses_other_forms(void **state)
{
	uint8_t in[CAPABILITY_LEN + 1] = { 1, CAP_GROUP };
	struct capability c;

	(void)state;
	assert_int_equal(capability_read(in, CAPABILITY_LEN, &c), OK);
	assert_int_equal(capability_read(in, CAPABILITY_LEN + 1, &c), ERR_FORMAT);
	assert_int_equal(capability_read(in, CAPABILITY_LEN - 1, &c), ERR_FORMAT);
	assert_int_equal(capability_read(NULL, 0, &c), ERR_FORMAT);
	in[1] = 0;
	assert_int_equal(capability_read(in, CAPABILITY_LEN, &c), ERR_FORMAT);
	in[1] = 4;
	assert_int_equal(capability_read(in, CAPABILITY_LEN, &c), ERR_FORMAT);
	in[0] = 2;
	in[1] = 1;
	assert_int_equal(capability_read(in, CAPABILITY_LEN, &c), ERR_FORMAT);
}

static void test_capability_text_comes_back(void **state)
{
	uint8_t in[CAPABILITY_LEN], back[CAPABILITY_LEN];
	char text[CAPABILITY_TEXT_LEN + 1];

	(void)state;
	capability_mint(&intro, &alice, key, in);
	memset(in + 20, 0xff, 8);	/* has digits that are - and _ */
	capability_text(in, text);
	assert_int_equal(strlen(text), CAPABILITY_TEXT_LEN);
	assert_int_equal(capability_parse(text, strlen(text), back), OK);
	assert_memory_equal(in, back, sizeof(in));

	assert_int_equal(capability_parse(text, 43, back), ERR_FORMAT);
	for (int c = 0; c < 256; c++) {
		bool good = c && strchr("abcdefghijklmnopqrstuvwxyz-_"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", c);

		text[30] = (char)c;
		assert_int_equal(capability_parse(text, 44, back),
				 good ? OK : ERR_FORMAT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_capability_mint_has_the_documented_form),
		cmocka_unit_test(test_capability_check_refuses_any_changed_bit),
		cmocka_unit_test(test_capability_check_for_another_account_or_key),
		cmocka_unit_test(test_capability_check_at_the_hour_of_expiry),
		cmocka_unit_test(test_capability_read_refuses_other_forms),
		cmocka_unit_test(test_capability_text_comes_back),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
