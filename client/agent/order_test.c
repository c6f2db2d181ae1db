#include "agent_fixture.h"

#include "envelope.h"

static const uint8_t envelope[ENVELOPE_ID_LEN];

struct fixture {
	struct side s;
	struct contact c;
	uint64_t clock;
	uint8_t hash[20][HASH_LEN];	/* of the content with that counter */
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));
	struct agent *a = &f->s.a;

	side_open(&f->s, 1);
	f->clock = sys_wall_ms(a->sys) << HLC_SHIFT;
	f->c.state = CONTACT_ADDED;
	memset(f->c.account.b, 7, ACCOUNT_LEN);
	snprintf(f->c.name, sizeof(f->c.name), "Bob");
	snprintf(f->c.relay, sizeof(f->c.relay), "wss://r.example");
	assert_int_equal(turn_begin(a->turn), OK);
	assert_int_equal(turn_end(a->turn, contact_save(a->db, &f->c)), OK);
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

/* Bob's device says text as its content number counter. */
static bool say(struct fixture *f, uint64_t counter, const char *text)
{
	struct agent *a = &f->s.a;
	Sotto__Content content = SOTTO__CONTENT__INIT;
	Sotto__Text body = SOTTO__TEXT__INIT;
	uint8_t id[MESSAGE_ID_LEN];
	bool stored = false;

	memset(id, (int)counter, sizeof(id));
	if (text[0] == '!')
		id[0] = 99;	/* another message */
	content.message = (ProtobufCBinaryData){ sizeof(id), id };
	content.device = 1;
	content.counter = counter;
	content.clock = f->clock + counter;
	if (counter > 1)
		content.previous = (ProtobufCBinaryData){
			HASH_LEN, f->hash[counter - 1] };
	body.body = (char *)(uintptr_t)text;
	content.text = &body;
	content_hash(&content, &f->c.account, f->hash[counter]);
	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(order_take(a->order, &f->c, &content, envelope, NULL,
				    &stored), OK);
	assert_int_equal(turn_leave(a->turn, contact_save(a->db, &f->c)), OK);
	turn_commit(a->turn);
	return stored;
}

/* Hashes of what Bob wrote but did not arrive. */
static void write_only(struct fixture *f, uint64_t counter)
{
	memset(f->hash[counter], (int)counter, HASH_LEN);
}

static void test_order_shows_at_once_what_comes_in_order(void **state)
{
	struct fixture *f = *state;

	assert_true(say(f, 1, "one"));
	assert_true(say(f, 2, "two"));
	assert_int_equal(side_count(&f->s, "\"one\""), 1);
	assert_int_equal(side_count(&f->s, "\"two\""), 1);
	assert_int_equal(f->c.seen_counter, 2);
}

static void test_order_shows_a_repeated_message_once(void **state)
{
	struct fixture *f = *state;

	assert_true(say(f, 1, "one"));
	assert_true(say(f, 2, "two"));
	assert_false(say(f, 2, "two"));
	assert_false(say(f, 1, "one"));
	assert_int_equal(side_count(&f->s, "\"type\":\"message\""), 2);
	assert_int_equal(f->c.alert, ALERT_NONE);
}

static void test_order_holds_what_comes_early(void **state)
{
	struct fixture *f = *state;
	char *all, *two, *three;

	say(f, 1, "one");
	write_only(f, 2);
	say(f, 3, "three");
	assert_int_equal(side_count(&f->s, "\"three\""), 0);
	assert_int_equal(f->c.seen_counter, 1);
	say(f, 2, "two");
	assert_int_equal(f->c.seen_counter, 3);
	all = side_events(&f->s);
	two = strstr(all, "\"two\"");
	three = strstr(all, "\"three\"");
	assert_non_null(two);
	assert_non_null(three);
	assert_true(two < three);
	free(all);
}

static void test_order_waits_for_ever_before_caught_up(void **state)
{
	struct fixture *f = *state;

	write_only(f, 1);
	say(f, 2, "two");
	uv_run(&f->s.loop, UV_RUN_NOWAIT);
	assert_int_equal(side_count(&f->s, "\"two\""), 0);
}

static uint64_t late_mono(void *ctx)
{
	(void)ctx;
	return sys_mono_ms(&sys_real) + 2 * ORDER_WAIT_MS;
}

/* The wait is over: the clock jumps instead of the test sleeping. */
static void pass_time(struct fixture *f)
{
	static struct sys later;

	later = sys_real;
	order_caught_up(f->s.a.order, true);
	later.mono_ms = late_mono;
	f->s.a.sys = &later;
	order_expire(f->s.a.order);
	turn_commit(f->s.a.turn);
	f->s.a.sys = &sys_real;
	assert_int_equal(contact_by_row(f->s.a.db, f->c.row, &f->c), OK);
}

static void test_order_shows_a_gap_after_a_while(void **state)
{
	struct fixture *f = *state;

	say(f, 1, "one");
	write_only(f, 2);
	say(f, 3, "three");
	pass_time(f);
	assert_int_equal(side_count(&f->s, "\"gap\":true"), 1);
	assert_int_equal(side_count(&f->s, "\"three\""), 1);
	assert_int_equal(f->c.seen_counter, 3);
}

static void test_order_replaces_a_gap_by_the_message_when_it_comes(void **state)
{
	struct fixture *f = *state;

	say(f, 1, "one");
	write_only(f, 2);
	say(f, 3, "three");
	pass_time(f);
	assert_true(say(f, 2, "two"));
	assert_int_equal(side_count(&f->s, "\"replaces\""), 1);
	assert_int_equal(side_count(&f->s, "\"two\""), 1);
}

static void test_order_bounds_the_placeholders_of_a_gap(void **state)
{
	struct fixture *f = *state;
	struct agent *a = &f->s.a;
	Sotto__Content content = SOTTO__CONTENT__INIT;
	Sotto__Text body = SOTTO__TEXT__INIT;
	uint8_t id[MESSAGE_ID_LEN] = { 1 }, none[HASH_LEN] = { 0 };
	bool stored;

	content.message = (ProtobufCBinaryData){ sizeof(id), id };
	content.previous = (ProtobufCBinaryData){ sizeof(none), none };
	content.device = 1;
	content.counter = UINT64_C(1) << 60;
	content.clock = sys_wall_ms(a->sys) << HLC_SHIFT;
	body.body = (char *)(uintptr_t)"far";
	content.text = &body;
	assert_int_equal(turn_enter(a->turn), OK);
	assert_int_equal(turn_leave(a->turn, order_take(
		a->order, &f->c, &content, envelope, NULL, &stored)), OK);
	turn_commit(a->turn);
	pass_time(f);
	assert_int_equal(side_count(&f->s, "\"gap\":true"), ORDER_GAPS_SHOWN);
	assert_int_equal(side_count(&f->s, "\"far\""), 1);
}

static void test_order_raises_the_alarm_for_two_messages_as_one(void **state)
{
	struct fixture *f = *state;

	say(f, 1, "one");
	say(f, 2, "two");
	say(f, 2, "!another");
	assert_int_equal(f->c.alert, ALERT_FORK);
	assert_int_equal(side_count(&f->s, "!another"), 0);
}

static void test_order_raises_the_alarm_for_a_broken_chain(void **state)
{
	struct fixture *f = *state;

	say(f, 1, "one");
	write_only(f, 1);
	say(f, 2, "two");
	assert_int_equal(f->c.alert, ALERT_FORK);
	/* Receiving goes on. */
	assert_int_equal(side_count(&f->s, "\"two\""), 1);
}

int main(void)
{
#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		T(test_order_shows_at_once_what_comes_in_order),
		T(test_order_shows_a_repeated_message_once),
		T(test_order_holds_what_comes_early),
		T(test_order_waits_for_ever_before_caught_up),
		T(test_order_shows_a_gap_after_a_while),
		T(test_order_replaces_a_gap_by_the_message_when_it_comes),
		T(test_order_bounds_the_placeholders_of_a_gap),
		T(test_order_raises_the_alarm_for_two_messages_as_one),
		T(test_order_raises_the_alarm_for_a_broken_chain),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
