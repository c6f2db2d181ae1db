#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "wheel.h"

struct probe {
	struct timer timer;
	struct wheel *wheel;
	uint64_t fired;		/* the wheel's time then; 0: not */
	unsigned times;
};

static void on_fire(struct timer *t)
{
	struct probe *p = (struct probe *)t;

	p->fired = p->wheel->now;
	p->times++;
}

static void test_wheel_fires_at_the_millisecond(void **state)
{
	static const uint64_t delays[] = { 1, 2, 10, 63, 64, 65, 100, 4095,
		4096, 4097, 10000, 150000, 262143, 262144, 900000, 14000000 };
	enum { N = sizeof(delays) / sizeof(delays[0]) };
	static struct wheel w;
	struct probe p[N] = { 0 };

	(void)state;
	for (uint64_t start = 1; start < 100000000; start = start * 7 + 3) {
		wheel_init(&w, start);
		for (int i = 0; i < N; i++) {
			p[i].wheel = &w;
			p[i].times = 0;
			wheel_set(&w, &p[i].timer, start + delays[i], on_fire);
		}
		/* As the loop does: sleep until the next moment. */
		for (int64_t wait; (wait = wheel_wait(&w)) >= 0;)
			wheel_advance(&w, w.now + (uint64_t)wait);
		for (int i = 0; i < N; i++) {
			assert_int_equal(p[i].times, 1);
			assert_int_equal(p[i].fired, start + delays[i]);
		}
	}
}

static void test_wheel_leap_fires_all_in_order(void **state)
{
	static struct wheel w;
	struct probe p[3] = { { .wheel = &w }, { .wheel = &w }, { .wheel = &w } };

	(void)state;
	wheel_init(&w, 1000);
	wheel_set(&w, &p[0].timer, 70000, on_fire);
	wheel_set(&w, &p[1].timer, 1010, on_fire);
	wheel_set(&w, &p[2].timer, 500000, on_fire);
	wheel_advance(&w, 100000);
	assert_int_equal(p[1].fired, 1010);
	assert_int_equal(p[0].fired, 70000);
	assert_int_equal(p[2].times, 0);
	wheel_cancel(&w, &p[2].timer);
	assert_int_equal(wheel_wait(&w), -1);
}

static void test_wheel_set_anew_and_cancelled_fire_not(void **state)
{
	static struct wheel w;
	struct probe a = { .wheel = &w }, b = { .wheel = &w };

	(void)state;
	wheel_init(&w, 5);
	wheel_set(&w, &a.timer, 10, on_fire);
	wheel_set(&w, &a.timer, 300, on_fire);
	wheel_set(&w, &b.timer, 10, on_fire);
	wheel_cancel(&w, &b.timer);
	wheel_cancel(&w, &b.timer);
	wheel_advance(&w, 299);
	assert_int_equal(a.times + b.times, 0);
	wheel_advance(&w, 300);
	assert_int_equal(a.times, 1);
}

static void test_wheel_past_time_fires_at_the_next_advance(void **state)
{
	static struct wheel w;
	struct probe a = { .wheel = &w };

	(void)state;
	wheel_init(&w, 5000);
	wheel_set(&w, &a.timer, 10, on_fire);
	wheel_advance(&w, 5001);
	assert_int_equal(a.times, 1);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wheel_fires_at_the_millisecond),
		cmocka_unit_test(test_wheel_leap_fires_all_in_order),
		cmocka_unit_test(test_wheel_set_anew_and_cancelled_fire_not),
		cmocka_unit_test(test_wheel_past_time_fires_at_the_next_advance),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
