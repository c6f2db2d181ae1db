#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>

#include "test_relay.h"

struct fixture {
	struct test_world w;
	struct test_account *bob;
	struct test_client client;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	test_world_init(&f->w);
	f->bob = test_account(&f->w);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	test_gone(&f->client);
	test_world_finish(&f->w);
	free(f);
	return 0;
}

static void test_conn_without_hello_is_closed_after_10_s(void **state)
{
	struct fixture *f = *state;

	test_connect(&f->w, &f->client);
	test_world_pass(&f->w, 9999);
	assert_int_equal(conn_close_code(f->client.conn), 0);
	test_world_pass(&f->w, 1);
	assert_int_equal(conn_close_code(f->client.conn), CLOSE_SLOW);
	assert_true(f->client.woken);
}

static void test_conn_silent_owner_is_pinged_then_closed(void **state)
{
	struct fixture *f = *state;

	test_owner_live(&f->w, &f->client, f->bob);
	test_world_pass(&f->w, 59000);
	assert_false(f->client.pinged);
	test_world_pass(&f->w, 2000);
	assert_true(f->client.pinged);
	conn_heard(f->client.conn);
	test_world_pass(&f->w, 140000);
	assert_int_equal(conn_close_code(f->client.conn), 0);
	test_world_pass(&f->w, 30000);
	assert_int_equal(conn_close_code(f->client.conn), CLOSE_SLOW);
}

static void test_conn_heard_before_a_late_timer_is_not_closed(void **state)
{
	struct fixture *f = *state;

	test_owner_live(&f->w, &f->client, f->bob);
	f->w.ms += 61000;	/* the loop was busy: the pong came first */
	conn_heard(f->client.conn);
	core_tick(f->w.core);
	assert_int_equal(conn_close_code(f->client.conn), 0);
	assert_false(f->client.pinged);
}

static void test_conn_idle_sender_is_closed_after_15_minutes(void **state)
{
	struct fixture *f = *state;

	test_sender(&f->w, &f->client);
	test_world_pass(&f->w, SENDER_IDLE_MS - 1);
	assert_int_equal(conn_close_code(f->client.conn), 0);
	test_world_pass(&f->w, 1);
	assert_int_equal(conn_close_code(f->client.conn), CLOSE_IDLE);
}

static void test_conn_large_frame_before_hello_is_refused(void **state)
{
	struct fixture *f = *state;
	uint8_t *data = xcalloc(1, HANDSHAKE_FRAME_MAX + 1);

	test_connect(&f->w, &f->client);
	conn_receive(f->client.conn, data, HANDSHAKE_FRAME_MAX + 1);
	assert_int_equal(conn_close_code(f->client.conn), CLOSE_TOO_BIG);
	free(data);
}

static void mint(struct test_client *c, uint32_t request, uint32_t count)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__Mint body = SOTTO__MINT__INIT;

	body.request = request;
	body.class_ = SOTTO__CAPABILITY_CLASS__CONTACT;
	body.count = count;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_MINT;
	m.mint = &body;
	test_say(c, &m);
}

static void test_conn_window_counts_answers_that_were_not_written(void **state)
{
	struct fixture *f = *state;

	test_owner_live(&f->w, &f->client, f->bob);
	for (int round = 0; round < 3; round++) {
		for (uint32_t i = 0; i < SEND_WINDOW; i++)
			mint(&f->client, i, 1);
		assert_int_equal(conn_close_code(f->client.conn), 0);
		while (test_hear(&f->client))
			;
	}
	for (uint32_t i = 0; i <= SEND_WINDOW; i++)
		mint(&f->client, i, 1);
	assert_int_equal(conn_close_code(f->client.conn), CLOSE_WINDOW);
}

static void test_conn_that_does_not_read_is_put_out_when_output_is_full(
	void **state)
{
	struct fixture *f = *state;
	struct test_client reader = { 0 };
	struct test_account *ann = test_account(&f->w);

	test_owner_live(&f->w, &f->client, f->bob);
	test_owner_live(&f->w, &reader, ann);
	for (uint32_t i = 0; i < 40; i++)
		mint(&f->client, i, MINT_MAX);
	test_world_pass(&f->w, 2);
	assert_int_equal(conn_close_code(f->client.conn), 0);
	assert_int_equal(f->w.core->output, f->client.conn->out.len);
	f->w.core->output += CORE_OUTPUT_MAX;
	mint(&f->client, 40, 1);
	mint(&reader, 1, 1);
	test_world_pass(&f->w, 2);
	assert_int_equal(conn_close_code(f->client.conn), CLOSE_AGAIN);
	assert_int_equal(conn_output(f->client.conn).len, 0);
	assert_int_equal(conn_close_code(reader.conn), 0);
	assert_non_null(test_hear(&reader));
	f->w.core->output -= CORE_OUTPUT_MAX;
	test_gone(&reader);
}

static void test_conn_gone_during_auth_is_safe(void **state)
{
	struct fixture *f = *state;
	struct test_client other = { 0 };

	test_owner_live(&f->w, &f->client, f->bob);
	test_connect(&f->w, &other);
	test_gone(&other);
	test_gone(&f->client);
	test_owner(&f->w, &f->client, f->bob);
	/* A read of the mailbox is under way, and the connection goes. */
	assert_non_null(f->w.reads);
	test_gone(&f->client);
	test_settle(&f->w);
}

static void test_conn_of_a_device_that_leaves_during_auth_is_refused(
	void **state)
{
	struct fixture *f = *state;
	struct test_client late = { 0 };
	struct test_read read;

	test_owner_live(&f->w, &f->client, f->bob);
	memcpy(late.token, f->client.token, TOKEN_LEN);
	test_authenticate(&f->w, &late, f->bob);
	read = test_snapshot(&f->w);	/* of the list that still has it */
	test_remove_device(&f->client, f->bob);
	test_settle(&f->w);
	assert_true(f->bob->removed);
	assert_int_equal(conn_close_code(f->client.conn), CLOSE_AUTH);
	test_complete(&read);
	assert_null(late.conn->owner);
	assert_int_equal(conn_close_code(late.conn), CLOSE_AUTH);
	test_gone(&late);
}

static void test_conn_expired_is_told_until_the_token_is_confirmed(void **state)
{
	struct fixture *f = *state;
	const Sotto__ServerMessage *m;

	test_owner_live(&f->w, &f->client, f->bob);
	test_gone(&f->client);
	f->bob->expired = 3;
	for (int i = 0; i < 2; i++) {
		test_owner(&f->w, &f->client, f->bob);
		m = test_hear(&f->client);
		assert_int_equal(m->of_case, SOTTO__SERVER_MESSAGE__OF_EXPIRED);
		assert_int_equal(m->expired->count, 3);
		test_gone(&f->client);
	}
	test_owner_live(&f->w, &f->client, f->bob);
	assert_int_equal(f->bob->expired, 0);
}

static void test_conn_idle_holds_no_buffer(void **state)
{
	struct fixture *f = *state;

	test_owner_live(&f->w, &f->client, f->bob);
	while (test_hear(&f->client))
		;
	assert_int_equal(f->client.conn->out.cap, 0);
}

static void test_conn_owner_who_sends_is_paused_too(void **state)
{
	struct fixture *f = *state;

	test_owner_live(&f->w, &f->client, f->bob);
	core_charge(f->w.core, core_defaults.memory_max + 1);
	assert_false(f->client.paused);
	test_send(&f->client, 1, "text", &f->bob, 1, false);
	assert_true(f->client.paused);
	core_release(f->w.core, core_defaults.memory_max + 1);
	assert_false(f->client.paused);
}

static void test_conn_owner_adds_no_mail_beyond_twice_the_memory(void **state)
{
	const size_t much = core_defaults.memory_max * 2 + 1;
	struct fixture *f = *state;
	const Sotto__ServerMessage *m;
	size_t before;

	test_owner_live(&f->w, &f->client, f->bob);
	core_charge(f->w.core, much);
	before = f->w.core->memory;
	test_send(&f->client, 1, "text", &f->bob, 1, false);
	assert_int_equal(f->w.core->memory, before);
	m = test_hear(&f->client);
	assert_non_null(m);
	assert_int_equal(m->of_case, SOTTO__SERVER_MESSAGE__OF_SENT);
	assert_int_equal(test_number(&m->sent->id), 1);
	assert_int_equal(m->sent->n_statuses, 1);
	assert_int_equal(m->sent->statuses[0],
			 SOTTO__SLOT_STATUS__STORE_FAILED);
	core_release(f->w.core, much);
}

static void test_conn_too_much_memory_pauses_senders_alone(void **state)
{
	struct fixture *f = *state;
	struct test_client sender = { 0 }, late = { 0 };

	test_owner_live(&f->w, &f->client, f->bob);
	test_sender(&f->w, &sender);
	core_charge(f->w.core, core_defaults.memory_max + 1);
	assert_true(sender.paused);
	assert_false(f->client.paused);
	test_sender(&f->w, &late);
	assert_true(late.paused);
	core_release(f->w.core, core_defaults.memory_max / 2);
	assert_false(sender.paused);
	assert_false(late.paused);
	core_release(f->w.core, core_defaults.memory_max / 2 + 1);
	test_gone(&sender);
	test_gone(&late);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_conn_without_hello_is_closed_after_10_s),
		TEST(test_conn_silent_owner_is_pinged_then_closed),
		TEST(test_conn_heard_before_a_late_timer_is_not_closed),
		TEST(test_conn_idle_sender_is_closed_after_15_minutes),
		TEST(test_conn_large_frame_before_hello_is_refused),
		TEST(test_conn_window_counts_answers_that_were_not_written),
		TEST(test_conn_that_does_not_read_is_put_out_when_output_is_full),
		TEST(test_conn_gone_during_auth_is_safe),
		TEST(test_conn_of_a_device_that_leaves_during_auth_is_refused),
		TEST(test_conn_expired_is_told_until_the_token_is_confirmed),
		TEST(test_conn_idle_holds_no_buffer),
		TEST(test_conn_owner_who_sends_is_paused_too),
		TEST(test_conn_owner_adds_no_mail_beyond_twice_the_memory),
		TEST(test_conn_too_much_memory_pauses_senders_alone),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
