#include "base32.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdbool.h>

static void test_base32_vectors_of_rfc_4648(void **state)
{
	static const struct { const char *data, *text; } vectors[] = {
		{ "", "" }, { "f", "my" }, { "fo", "mzxq" },
		{ "foo", "mzxw6" }, { "foob", "mzxw6yq" },
		{ "fooba", "mzxw6ytb" }, { "foobar", "mzxw6ytboi" },
	};
	char text[32];
	uint8_t data[8];

	(void)state;
	for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
		size_t len = strlen(vectors[i].data);

		base32_encode((const uint8_t *)vectors[i].data, len, text);
		assert_string_equal(text, vectors[i].text);
		assert_int_equal(strlen(text), BASE32_LEN(len));
		assert_int_equal(base32_decode(text, strlen(text), data, len),
				 OK);
		assert_memory_equal(data, vectors[i].data, len);
	}
}

static void test_base32_takes_upper_case(void **state)
{
	uint8_t data[6];

	(void)state;
	assert_int_equal(base32_decode("MZXW6yTBoi", 10, data, 6), OK);
	assert_memory_equal(data, "foobar", 6);
}

static void test_base32_takes_its_alphabet_alone(void **state)
{
	char text[] = "aaaaaaaa";
	uint8_t data[5];

	(void)state;
	for (int c = 0; c < 256; c++) {
		bool good = c && strchr("abcdefghijklmnopqrstuvwxyz"
					"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", c);

		text[3] = (char)c;
		assert_int_equal(base32_decode(text, 8, data, 5),
				 good ? OK : ERR_FORMAT);
	}
}

static void test_base32_refuses_trailing_bits_and_other_lengths(void **state)
{
	uint8_t data[3] = { 9, 9, 9 };

	(void)state;
	assert_int_equal(base32_decode("mz", 2, data, 1), ERR_FORMAT);
	assert_int_equal(base32_decode("mzxw7", 5, data, 3), ERR_FORMAT);
	assert_int_equal(base32_decode("mzxw6", 5, data, 2), ERR_FORMAT);
	assert_int_equal(base32_decode("mzxw", 4, data, 3), ERR_FORMAT);
	assert_int_equal(base32_decode("mzxw6a", 6, data, 3), ERR_FORMAT);
	assert_int_equal(base32_decode("", 0, data, 1), ERR_FORMAT);
	assert_int_equal(data[0], 9);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_base32_vectors_of_rfc_4648),
		cmocka_unit_test(test_base32_takes_upper_case),
		cmocka_unit_test(test_base32_takes_its_alphabet_alone),
		cmocka_unit_test(test_base32_refuses_trailing_bits_and_other_lengths),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
