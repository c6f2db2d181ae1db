#include "clock.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static uint64_t wall;

static uint64_t get_wall(void *ctx)
{
	(void)ctx;
	return wall;
}

static const struct sys sys = { .wall_ms = get_wall };

static void test_hlc_grows_while_the_clock_stands_or_goes_back(void **state)
{
	struct hlc c = { .sys = &sys };
	uint64_t a, b;

	(void)state;
	wall = 1000;
	a = hlc_now(&c);
	assert_int_equal(hlc_ms(a), 1000);
	b = hlc_now(&c);
	assert_true(b > a);
	wall = 500;
	assert_true(hlc_now(&c) > b);
}

static void test_hlc_comes_after_what_was_seen(void **state)
{
	struct hlc c = { .sys = &sys };
	uint64_t seen = (uint64_t)2000 << HLC_SHIFT;

	(void)state;
	wall = 1000;
	hlc_seen(&c, seen);
	assert_true(hlc_now(&c) > seen);
}

static void test_hlc_does_not_follow_a_clock_from_the_future(void **state)
{
	struct hlc c = { .sys = &sys };

	(void)state;
	wall = 1000;
	hlc_seen(&c, (wall + HLC_AHEAD_MS + 1) << HLC_SHIFT);
	assert_int_equal(hlc_ms(hlc_now(&c)), 1000);
	hlc_seen(&c, UINT64_MAX);
	assert_int_equal(hlc_ms(hlc_now(&c)), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(
			test_hlc_grows_while_the_clock_stands_or_goes_back),
		cmocka_unit_test(test_hlc_comes_after_what_was_seen),
		cmocka_unit_test(
			test_hlc_does_not_follow_a_clock_from_the_future),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
