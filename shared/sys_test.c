#include "sys.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_sys_real_clocks_go_forward(void **state)
{
	uint64_t wall = sys_wall_ms(&sys_real), mono = sys_mono_ms(&sys_real);

	(void)state;
	assert_true(wall > 1700000000000);	/* later than this code */
	assert_true(wall < 32503680000000);	/* milliseconds, not smaller */
	assert_true(sys_mono_ms(&sys_real) >= mono);
}

static void test_sys_real_random_differs(void **state)
{
	uint8_t a[32], b[32];

	(void)state;
	sys_random(&sys_real, a, sizeof(a));
	sys_random(&sys_real, b, sizeof(b));
	assert_memory_not_equal(a, b, sizeof(a));
}

/* Hands out the numbers that ctx points to, one after the other. */
static void scripted(void *ctx, void *out, size_t len)
{
	const uint32_t **next = ctx;

	assert_int_equal(len, sizeof(**next));
	memcpy(out, (*next)++, len);
}

static void test_sys_uniform_skips_what_would_be_uneven(void **state)
{
	/* 2^32 mod 3 is 1: a 0 would be the one too many. */
	static const uint32_t numbers[] = { 0, 0, 4, UINT32_MAX };
	const uint32_t *next = numbers;
	struct sys s = { .random = scripted, .ctx = &next };

	(void)state;
	assert_int_equal(sys_uniform(&s, 3), 1);
	assert_ptr_equal(next, numbers + 3);
	assert_int_equal(sys_uniform(&s, 3), 0);
}

static void test_sys_uniform_stays_below(void **state)
{
	unsigned seen[5] = { 0 };

	(void)state;
	for (int i = 0; i < 5000; i++)
		seen[sys_uniform(&sys_real, 5)]++;
	for (int i = 0; i < 5; i++)
		assert_in_range(seen[i], 800, 1200);
	assert_int_equal(sys_uniform(&sys_real, 1), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sys_real_clocks_go_forward),
		cmocka_unit_test(test_sys_real_random_differs),
		cmocka_unit_test(test_sys_uniform_skips_what_would_be_uneven),
		cmocka_unit_test(test_sys_uniform_stays_below),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
