#include "err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_err_text_of_each_error(void **state)
{
	(void)state;
	for (int err = ERR_USAGE; err <= OK; err++) {
		assert_string_not_equal(err_text(err), "unknown error");
		for (int other = ERR_USAGE; other < err; other++)
			assert_string_not_equal(err_text(err), err_text(other));
	}
}

static void test_err_text_of_a_number_that_is_none(void **state)
{
	(void)state;
	assert_string_equal(err_text(1), "unknown error");
	assert_string_equal(err_text(ERR_USAGE - 1), "unknown error");
	assert_string_equal(err_text(INT32_MIN), "unknown error");
	assert_string_equal(err_text(INT32_MAX), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_err_text_of_each_error),
		cmocka_unit_test(test_err_text_of_a_number_that_is_none),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
