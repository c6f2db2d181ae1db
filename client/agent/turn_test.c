#include "agent_fixture.h"

struct fixture {
	struct side s;
	int calls, last;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	side_open(&f->s, 1);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	side_close(&f->s);
	free(f);
	return 0;
}

static void on_commit(void *ctx, int err)
{
	struct fixture *f = ctx;

	f->calls++;
	f->last = err;
}

static bool has(struct fixture *f, const char *name)
{
	int64_t v;

	return !db_get_int(f->s.a.db, name, &v);
}

static void test_turn_tells_after_the_commit_alone(void **state)
{
	struct fixture *f = *state;
	struct turn *t = f->s.a.turn;

	assert_int_equal(turn_begin(t), OK);
	assert_int_equal(db_put_int(f->s.a.db, "a", 1), OK);
	turn_after(t, on_commit, f);
	assert_int_equal(turn_end(t, OK), OK);
	assert_int_equal(f->calls, 0);
	assert_true(turn_is_open(t));
	uv_run(&f->s.loop, UV_RUN_NOWAIT);
	assert_int_equal(f->calls, 1);
	assert_int_equal(f->last, OK);
	assert_true(has(f, "a"));
}

static void test_turn_takes_one_savepoint_back_alone(void **state)
{
	struct fixture *f = *state;
	struct turn *t = f->s.a.turn;

	assert_int_equal(turn_begin(t), OK);
	assert_int_equal(db_put_int(f->s.a.db, "kept", 1), OK);
	assert_int_equal(turn_end(t, OK), OK);
	assert_int_equal(turn_begin(t), OK);
	assert_int_equal(db_put_int(f->s.a.db, "gone", 1), OK);
	assert_int_equal(turn_end(t, ERR_EXISTS), ERR_EXISTS);
	assert_int_equal(turn_commit(t), OK);
	assert_true(has(f, "kept"));
	assert_false(has(f, "gone"));
}

static void test_turn_takes_all_back_without_savepoints(void **state)
{
	struct fixture *f = *state;
	struct turn *t = f->s.a.turn;

	assert_int_equal(turn_enter(t), OK);
	assert_int_equal(db_put_int(f->s.a.db, "first", 1), OK);
	turn_after(t, on_commit, f);
	assert_int_equal(turn_leave(t, OK), OK);
	assert_int_equal(turn_enter(t), OK);
	assert_int_equal(turn_leave(t, ERR_NO_SPACE), ERR_NO_SPACE);
	/* Nothing more gets into it. */
	assert_int_equal(turn_enter(t), ERR_NO_SPACE);
	assert_int_equal(turn_commit(t), ERR_NO_SPACE);
	assert_int_equal(f->last, ERR_NO_SPACE);
	assert_false(has(f, "first"));
	/* The next one works. */
	assert_int_equal(turn_enter(t), OK);
	assert_int_equal(db_put_int(f->s.a.db, "first", 1), OK);
	assert_int_equal(turn_leave(t, OK), OK);
	assert_int_equal(turn_commit(t), OK);
	assert_true(has(f, "first"));
}

static void test_turn_lingers_over_turns_of_the_loop(void **state)
{
	struct fixture *f = *state;
	struct turn *t = f->s.a.turn;

	assert_int_equal(turn_enter(t), OK);
	assert_int_equal(db_put_int(f->s.a.db, "a", 1), OK);
	turn_after(t, on_commit, f);
	assert_int_equal(turn_leave(t, OK), OK);
	turn_linger(t, 3600 * 1000);
	uv_run(&f->s.loop, UV_RUN_NOWAIT);
	assert_true(turn_is_open(t));
	assert_int_equal(turn_commit(t), OK);
	assert_int_equal(f->calls, 1);
	assert_false(turn_is_open(t));
}

static void test_turn_calls_at_once_when_nothing_is_open(void **state)
{
	struct fixture *f = *state;

	turn_after(f->s.a.turn, on_commit, f);
	assert_int_equal(f->calls, 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_turn_tells_after_the_commit_alone),
		T(test_turn_takes_one_savepoint_back_alone),
		T(test_turn_takes_all_back_without_savepoints),
		T(test_turn_lingers_over_turns_of_the_loop),
		T(test_turn_calls_at_once_when_nothing_is_open),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
