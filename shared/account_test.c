#include "account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void fill(uint8_t *out, size_t len, uint8_t seed)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(seed + i * 37);
}

/* The id in the reference: b2sum -l 256 of 32 zero bytes, first 20, base32. */
static void test_account_from_root_is_its_hash_in_base32(void **state)
{
	static const uint8_t root[SIGN_PUBLIC_LEN];
	struct account_id a = account_from_root(root), b;
	char text[ACCOUNT_TEXT_LEN + 1];

	(void)state;
	account_text(&a, text);
	assert_string_equal(text, "rhvq22ukneo24lgrl3idngjrzyfjjhwk");
	assert_int_equal(account_parse(text, &b), OK);
	assert_true(account_equal(&a, &b));
	b.b[19] ^= 1;
	assert_false(account_equal(&a, &b));
	assert_int_equal(account_compare(&a, &b) < 0,
			 account_compare(&b, &a) > 0);
}

static void test_account_parse_refuses_other_text(void **state)
{
	static const char *const bad[] = {
		"", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa1",
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa ",
	};
	struct account_id a;

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		assert_int_equal(account_parse(bad[i], &a), ERR_FORMAT);
}

static void test_recovery_text_comes_back_however_it_is_typed(void **state)
{
	uint8_t seed[RECOVERY_SEED_LEN], back[RECOVERY_SEED_LEN];
	char text[RECOVERY_TEXT_LEN + 1], typed[200];
	size_t n = 0;

	(void)state;
	fill(seed, sizeof(seed), 3);
	recovery_text(seed, text);
	assert_int_equal(strlen(text), RECOVERY_TEXT_LEN);
	for (int i = 7; i < RECOVERY_TEXT_LEN; i += 8)
		assert_int_equal(text[i], '-');
	assert_int_equal(recovery_parse(text, back), OK);
	assert_memory_equal(seed, back, sizeof(seed));

	typed[n++] = ' ';
	for (const char *c = text; *c; c++) {
		if (*c == '-')
			continue;
		typed[n++] = *c >= 'a' ? (char)(*c - 32) : *c;
		if (n % 5 == 0) {
			typed[n] = n % 2 ? '-' : ' ';
			n++;
		}
	}
	typed[n++] = '\n';
	typed[n] = '\0';
	memset(back, 0, sizeof(back));
	assert_int_equal(recovery_parse(typed, back), OK);
	assert_memory_equal(seed, back, sizeof(seed));
}

static void test_recovery_parse_finds_each_typing_error(void **state)
{
	uint8_t seed[RECOVERY_SEED_LEN], back[RECOVERY_SEED_LEN] = { 9 };
	char text[RECOVERY_TEXT_LEN + 1];

	(void)state;
	fill(seed, sizeof(seed), 200);
	recovery_text(seed, text);
	for (int i = 0; i < RECOVERY_TEXT_LEN; i++) {
		char was = text[i];

		if (was == '-')
			continue;
		text[i] = was == 'b' ? 'c' : 'b';
		assert_int_equal(recovery_parse(text, back), ERR_SIGNATURE);
		text[i] = was;
	}
	assert_int_equal(back[0], 9);
}

static void test_recovery_parse_of_other_lengths_and_characters(void **state)
{
	uint8_t seed[RECOVERY_SEED_LEN];
	char text[RECOVERY_TEXT_LEN + 2];

	(void)state;
	fill(seed, sizeof(seed), 1);
	assert_int_equal(recovery_parse("", seed), ERR_FORMAT);
	recovery_text(seed, text);
	text[RECOVERY_TEXT_LEN - 1] = '\0';
	assert_int_equal(recovery_parse(text, seed), ERR_FORMAT);
	recovery_text(seed, text);
	text[RECOVERY_TEXT_LEN] = 'a';
	text[RECOVERY_TEXT_LEN + 1] = '\0';
	assert_int_equal(recovery_parse(text, seed), ERR_FORMAT);
	recovery_text(seed, text);
	text[4] = '0';
	assert_int_equal(recovery_parse(text, seed), ERR_FORMAT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_account_from_root_is_its_hash_in_base32),
		cmocka_unit_test(test_account_parse_refuses_other_text),
		cmocka_unit_test(test_recovery_text_comes_back_however_it_is_typed),
		cmocka_unit_test(test_recovery_parse_finds_each_typing_error),
		cmocka_unit_test(test_recovery_parse_of_other_lengths_and_characters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
