/* The ack rule, and draining: with a disk whose jobs end in every order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <sodium.h>

#include "mailbox.h"
#include "test_relay.h"

/* One person online or not, and somebody who sends. */
struct fixture {
	struct test_world w;
	struct test_account *bob;
	struct test_client owner, sender;
};

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	test_world_init(&f->w);
	f->bob = test_account(&f->w);
	test_owner_live(&f->w, &f->owner, f->bob);
	test_sender(&f->w, &f->sender);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	test_gone(&f->owner);
	test_gone(&f->sender);
	test_world_finish(&f->w);
	free(f);
	return 0;
}

static void post(struct fixture *f, uint32_t number)
{
	test_send(&f->sender, number, "text", &f->bob, 1, false);
}

static void assert_sent(struct fixture *f, uint32_t number,
			Sotto__SlotStatus status)
{
	const Sotto__ServerMessage *m = test_hear(&f->sender);

	assert_non_null(m);
	assert_int_equal(m->of_case, SOTTO__SERVER_MESSAGE__OF_SENT);
	assert_int_equal(test_number(&m->sent->id), number);
	assert_int_equal(m->sent->n_statuses, 1);
	assert_int_equal(m->sent->statuses[0], status);
}

static void assert_accepted(struct fixture *f, uint32_t number)
{
	assert_sent(f, number, SOTTO__SLOT_STATUS__ACCEPTED);
}

static void assert_unanswered(struct fixture *f)
{
	assert_null(test_hear(&f->sender));
}

static uint64_t assert_delivered(struct fixture *f, uint32_t number)
{
	const Sotto__ServerMessage *m = test_hear(&f->owner);

	assert_non_null(m);
	assert_int_equal(m->of_case, SOTTO__SERVER_MESSAGE__OF_DELIVER);
	assert_int_equal(test_number(&m->deliver->envelope), number);
	return m->deliver->sequence;
}

static void assert_caught_up(struct fixture *f)
{
	const Sotto__ServerMessage *m = test_hear(&f->owner);

	assert_non_null(m);
	assert_int_equal(m->of_case, SOTTO__SERVER_MESSAGE__OF_CAUGHT_UP);
}

/* Ends the connection and begins another, whose first read has begun. */
static void reconnect(struct fixture *f)
{
	test_gone(&f->owner);
	test_owner(&f->w, &f->owner, f->bob);
}

/* ---- the ack rule ---- */

static void test_live_acked_in_time_never_touches_the_disk(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence;

	post(f, 1);
	sequence = assert_delivered(f, 1);
	assert_unanswered(f);
	test_ack(&f->owner, sequence);
	assert_accepted(f, 1);
	assert_int_equal(f->w.n_writes, 0);
}

static void test_live_without_ack_is_answered_after_its_commit(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence;

	post(f, 1);
	sequence = assert_delivered(f, 1);
	test_world_pass(&f->w, 9);
	assert_int_equal(f->w.n_writes, 0);
	test_world_pass(&f->w, 2);
	assert_int_equal(f->w.n_writes, 1);
	assert_unanswered(f);
	test_commit_all(&f->w);
	assert_accepted(f, 1);
	assert_int_equal(test_rows(&f->w, &f->bob->id), 1);
	test_ack(&f->owner, sequence);
	test_commit_all(&f->w);
	assert_int_equal(test_rows(&f->w, &f->bob->id), 0);
}

static void test_busy_loop_waits_longer_for_an_ack(void **state)
{
	struct fixture *f = *state;

	core_turned(f->w.core, 10);
	post(f, 1);
	test_ack(&f->owner, assert_delivered(f, 1));
	post(f, 2);
	test_world_pass(&f->w, 49);
	assert_int_equal(f->w.n_writes, 0);
	for (unsigned i = 0; i < 100; i++)
		core_turned(f->w.core, 0);
	assert_int_equal(core_ack_wait(f->w.core), 10);
	test_world_pass(&f->w, 2);
	assert_int_equal(f->w.n_writes, 1);
}

static void test_one_late_ack_of_many_messages_counts_once(void **state)
{
	struct fixture *f = *state;

	f->owner.conn->owner->quick = 12;
	for (uint32_t i = 0; i < 8; i++)
		post(f, i);
	test_world_pass(&f->w, 11);
	test_commit_all(&f->w);
	f->w.n_writes = 0;
	post(f, 9);
	assert_int_equal(f->w.n_writes, 0);
	test_settle(&f->w);
}

static void test_ack_during_the_commit_answers_once_and_deletes(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence;

	post(f, 1);
	sequence = assert_delivered(f, 1);
	test_world_pass(&f->w, 11);
	test_ack(&f->owner, sequence);
	assert_accepted(f, 1);
	test_commit_all(&f->w);
	assert_unanswered(f);
	assert_int_equal(f->w.n_acks, 1);
	assert_int_equal(test_rows(&f->w, &f->bob->id), 0);
}

static void test_slow_device_has_its_mail_written_at_once(void **state)
{
	struct fixture *f = *state;

	for (uint32_t i = 0; i < 3; i++) {
		post(f, i);
		test_world_pass(&f->w, 11);
	}
	test_commit_all(&f->w);
	f->w.n_writes = 0;
	post(f, 9);
	assert_int_equal(f->w.n_writes, 1);
	for (uint32_t i = 0; i < 3; i++)
		assert_accepted(f, i);
}

static void test_slow_device_that_becomes_quick_is_waited_for(void **state)
{
	struct fixture *f = *state;
	unsigned i;

	for (i = 0; i < 3; i++) {
		post(f, i);
		test_world_pass(&f->w, 11);
	}
	for (i = 0; i < 40; i++) {
		const Sotto__ServerMessage *m;

		post(f, 100 + i);
		while ((m = test_hear(&f->owner))) {
			if (m->of_case == SOTTO__SERVER_MESSAGE__OF_DELIVER)
				test_ack(&f->owner, m->deliver->sequence);
		}
	}
	test_settle(&f->w);
	f->w.n_writes = 0;
	post(f, 999);
	assert_int_equal(f->w.n_writes, 0);
	while (test_hear(&f->sender))
		;
}

static void test_owner_who_leaves_has_unacked_mail_written(void **state)
{
	struct fixture *f = *state;

	post(f, 1);
	assert_delivered(f, 1);
	test_gone(&f->owner);
	assert_int_equal(f->w.n_writes, 1);
	assert_unanswered(f);
	test_commit_all(&f->w);
	assert_accepted(f, 1);
	test_owner(&f->w, &f->owner, f->bob);
	test_settle(&f->w);
	assert_delivered(f, 1);
	assert_caught_up(f);
}

static void test_offline_mail_is_answered_after_its_commit(void **state)
{
	struct fixture *f = *state;

	test_gone(&f->owner);
	post(f, 1);
	assert_unanswered(f);
	test_commit_all(&f->w);
	assert_accepted(f, 1);
}

static void test_failed_commit_is_not_accepted(void **state)
{
	struct fixture *f = *state;

	test_gone(&f->owner);
	f->w.fail = true;
	post(f, 1);
	test_commit_all(&f->w);
	assert_sent(f, 1, SOTTO__SLOT_STATUS__STORE_FAILED);
	f->w.fail = false;
	post(f, 1);
	test_commit_all(&f->w);
	assert_accepted(f, 1);
}

static void test_full_mailbox_is_said(void **state)
{
	struct fixture *f = *state;

	test_gone(&f->owner);
	f->w.row_max = 1;
	post(f, 1);
	post(f, 2);
	test_commit_all(&f->w);
	assert_accepted(f, 1);
	assert_sent(f, 2, SOTTO__SLOT_STATUS__MAILBOX_FULL);
}

static void test_sender_who_leaves_loses_nothing(void **state)
{
	struct fixture *f = *state;

	post(f, 1);
	test_gone(&f->sender);
	test_world_pass(&f->w, 11);
	test_commit_all(&f->w);
	assert_int_equal(test_rows(&f->w, &f->bob->id), 1);
}

static void test_acks_are_one_op_at_a_time_with_the_newest(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence;

	for (uint32_t i = 0; i < 10; i++)
		post(f, i);
	test_world_pass(&f->w, 11);
	for (uint32_t i = 0; i < 10; i++) {
		sequence = assert_delivered(f, i);
		test_ack(&f->owner, sequence);
	}
	assert_int_equal(f->w.n_acks, 1);
	test_commit_all(&f->w);
	assert_int_equal(f->w.n_acks, 2);
	assert_int_equal(f->bob->cursor, sequence);
	assert_int_equal(test_rows(&f->w, &f->bob->id), 0);
}

static void test_failed_ack_is_tried_again(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence;

	post(f, 1);
	sequence = assert_delivered(f, 1);
	test_world_pass(&f->w, 11);
	test_commit_all(&f->w);
	f->w.fail = true;
	test_ack(&f->owner, sequence);
	test_commit_all(&f->w);
	f->w.fail = false;
	test_world_pass(&f->w, 1100);
	test_commit_all(&f->w);
	assert_int_equal(test_rows(&f->w, &f->bob->id), 0);
}

static void test_slots_of_one_send_are_answered_together(void **state)
{
	struct fixture *f = *state;
	struct test_account *both[] = { f->bob, test_account(&f->w) };
	struct test_client eve = { 0 };
	const Sotto__ServerMessage *m;

	test_owner_live(&f->w, &eve, both[1]);
	test_gone(&eve);
	test_send(&f->sender, 1, "text", both, 2, false);
	assert_int_equal(f->w.n_writes, 1);
	test_commit_all(&f->w);
	assert_unanswered(f);
	test_ack(&f->owner, assert_delivered(f, 1));
	m = test_hear(&f->sender);
	assert_non_null(m);
	assert_int_equal(m->sent->n_statuses, 2);
	assert_int_equal(m->sent->statuses[0], SOTTO__SLOT_STATUS__ACCEPTED);
	assert_int_equal(m->sent->statuses[1], SOTTO__SLOT_STATUS__ACCEPTED);
	assert_int_equal(f->w.n_rows, 1);
}

/* ---- repeats ---- */

static void test_repeated_send_is_not_delivered_again(void **state)
{
	struct fixture *f = *state;

	post(f, 1);
	test_ack(&f->owner, assert_delivered(f, 1));
	assert_accepted(f, 1);
	post(f, 1);
	assert_accepted(f, 1);
	assert_null(test_hear(&f->owner));
}

static void test_same_id_with_another_content_is_a_conflict(void **state)
{
	struct fixture *f = *state;
	const Sotto__ServerMessage *m;

	post(f, 1);
	test_ack(&f->owner, assert_delivered(f, 1));
	assert_accepted(f, 1);
	test_send(&f->sender, 1, "another", &f->bob, 1, false);
	m = test_hear(&f->sender);
	assert_int_equal(m->of_case, SOTTO__SERVER_MESSAGE__OF_ERROR);
	assert_int_equal(m->error->code, SOTTO__ERROR_CODE__CONFLICT);
	assert_int_equal(test_number(&m->error->id), 1);
	assert_null(test_hear(&f->owner));
}

/* ---- draining ---- */

static void test_commit_after_the_snapshot_is_pushed_from_memory(void **state)
{
	struct fixture *f = *state;
	struct test_read r;

	test_gone(&f->owner);
	post(f, 1);
	test_commit_all(&f->w);
	post(f, 2);
	test_owner(&f->w, &f->owner, f->bob);
	r = test_snapshot(&f->w);
	post(f, 3);
	test_commit_all(&f->w);		/* 2 and 3: the read has neither */
	post(f, 4);			/* and this one is not committed */
	test_complete(&r);
	for (uint32_t i = 1; i <= 4; i++)
		assert_delivered(f, i);
	assert_caught_up(f);
	assert_null(test_hear(&f->owner));
}

static void test_row_in_snapshot_and_memory_is_pushed_once(void **state)
{
	struct fixture *f = *state;

	test_gone(&f->owner);
	post(f, 1);
	test_owner(&f->w, &f->owner, f->bob);
	test_commit_all(&f->w);
	test_read(&f->w);
	assert_delivered(f, 1);
	assert_caught_up(f);
	assert_null(test_hear(&f->owner));
}

/* What the device had not acked of the old connection is committed after newer
 * mail: it must not be passed over, for the ack of the newer one covers it. */
static void test_older_mail_that_is_committed_later_comes_first(void **state)
{
	struct fixture *f = *state;
	struct test_account *bob = f->bob;

	for (uint32_t i = 10; i < 13; i++) {	/* the device becomes slow */
		post(f, i);
		test_world_pass(&f->w, 8);
	}
	test_ack(&f->owner, (assert_delivered(f, 10), assert_delivered(f, 11),
			     assert_delivered(f, 12)));
	while (test_hear(&f->sender))
		;
	post(f, 1);				/* waits in memory */
	f->owner.conn->owner->quick = 0;
	post(f, 2);				/* goes to the writer */
	test_gone(&f->owner);			/* 1 goes to the writer */
	test_owner(&f->w, &f->owner, bob);
	test_commit(&f->w, 1);			/* 2 alone */
	test_read(&f->w);
	assert_delivered(f, 1);
	assert_delivered(f, 2);
	assert_caught_up(f);
}

static void test_tail_that_overflows_is_read_again(void **state)
{
	struct fixture *f = *state;
	struct test_read r;
	uint32_t n = 0;

	reconnect(f);
	r = test_snapshot(&f->w);
	for (; n < 2500; n++) {
		post(f, n);
		test_commit_all(&f->w);
		assert_accepted(f, n);
	}
	test_complete(&r);
	for (uint32_t i = 0; i < n; i++) {
		const Sotto__ServerMessage *m = test_hear(&f->owner);

		if (!m) {
			assert_true(test_read(&f->w));
			m = test_hear(&f->owner);
		}
		while (m && m->of_case == SOTTO__SERVER_MESSAGE__OF_CAUGHT_UP)
			m = test_hear(&f->owner);
		assert_non_null(m);
		assert_int_equal(test_number(&m->deliver->envelope), i);
		test_ack(&f->owner, m->deliver->sequence);
		test_commit_all(&f->w);
	}
}

static void test_full_window_stops_and_goes_on_without_a_gap(void **state)
{
	struct fixture *f = *state;
	uint32_t heard = 0, stops = 0;
	uint64_t last = 0;

	for (uint32_t i = 0; i < 1500; i++) {
		post(f, i);
		if (i % 16 == 0) {
			test_world_pass(&f->w, 11);
			test_settle(&f->w);
			while (test_hear(&f->sender))
				;
		}
	}
	test_world_pass(&f->w, 11);
	test_settle(&f->w);
	for (;;) {
		const Sotto__ServerMessage *m = test_hear(&f->owner);

		if (m && m->of_case == SOTTO__SERVER_MESSAGE__OF_CAUGHT_UP)
			continue;
		if (m) {
			assert_int_equal(test_number(&m->deliver->envelope),
					 heard++);
			last = m->deliver->sequence;
			continue;
		}
		if (heard == 1500)
			break;
		assert_int_equal(heard, ++stops * DELIVER_WINDOW);
		test_ack(&f->owner, last);
		test_settle(&f->w);
	}
	assert_int_equal(stops, 1);
	test_ack(&f->owner, last);
	test_settle(&f->w);
	assert_int_equal(f->w.n_rows, 0);
}

static void test_failed_read_is_tried_again(void **state)
{
	struct fixture *f = *state;
	struct storage_read *r;

	test_gone(&f->owner);
	post(f, 1);
	test_commit_all(&f->w);
	test_owner(&f->w, &f->owner, f->bob);
	r = f->w.reads;
	f->w.reads = NULL;
	r->result = ERR_STORE;
	r->done(r);
	assert_null(f->w.reads);
	test_world_pass(&f->w, 1100);
	test_read(&f->w);
	assert_delivered(f, 1);
	assert_caught_up(f);
}

/* ---- the newest connection ---- */

static void test_newest_connection_replaces_and_gets_the_unacked(void **state)
{
	struct fixture *f = *state;
	struct test_client old;

	post(f, 1);
	assert_delivered(f, 1);
	old = f->owner;
	old.conn->io_ctx = &old;
	test_owner(&f->w, &f->owner, f->bob);
	assert_int_equal(conn_close_code(old.conn), CLOSE_REPLACED);
	test_settle(&f->w);
	assert_delivered(f, 1);
	assert_caught_up(f);
	assert_accepted(f, 1);
	test_gone(&old);
}

static void test_ack_beyond_what_was_sent_is_refused(void **state)
{
	struct fixture *f = *state;
	const Sotto__ServerMessage *m;

	post(f, 1);	/* pushed, but not written to the socket */
	test_ack(&f->owner, f->owner.conn->owner->queued);
	assert_int_equal(conn_close_code(f->owner.conn), CLOSE_ACK);
	assert_delivered(f, 1);
	m = test_hear(&f->owner);
	assert_int_equal(m->error->code, SOTTO__ERROR_CODE__BAD_ACK);
	test_commit_all(&f->w);
	assert_accepted(f, 1);
}

/* ---- memory ---- */

static void test_idle_mailboxes_leave_memory(void **state)
{
	struct fixture *f = *state;

	test_gone(&f->owner);
	for (uint32_t i = 0; i < 5; i++)
		post(f, i);
	test_commit_all(&f->w);
	assert_int_equal(f->w.core->mailboxes.n, 1);
	test_world_pass(&f->w, 5000);
	assert_int_equal(f->w.core->mailboxes.n, 0);
}

static void test_mailbox_made_anew_repeats_no_sequence(void **state)
{
	struct fixture *f = *state;
	uint64_t last = 0;

	test_gone(&f->owner);
	for (uint32_t i = 0; i < 200; i++) {
		post(f, i);
		test_commit_all(&f->w);
		test_world_pass(&f->w, i * 7 % 1500);
		assert_true(f->w.rows[i].sequence > last);
		last = f->w.rows[i].sequence;
	}
}

static void test_full_disk_queue_stops_senders_and_keeps_the_order(void **state)
{
	struct fixture *f = *state;

	test_gone(&f->owner);
	f->w.write_max = 2;
	for (uint32_t i = 0; i < 5; i++)
		post(f, i);
	assert_true(f->sender.paused);
	test_commit_all(&f->w);
	assert_false(f->sender.paused);
	for (uint32_t i = 0; i < 5; i++)
		assert_accepted(f, i);
	for (unsigned i = 1; i < 5; i++)
		assert_true(f->w.rows[i].sequence > f->w.rows[i - 1].sequence);
}

static void test_ack_of_a_removed_device_is_not_tried_again(void **state)
{
	struct fixture *f = *state;
	const Sotto__ServerMessage *m;

	test_gone(&f->owner);
	post(f, 1);
	test_commit_all(&f->w);
	test_owner_live(&f->w, &f->owner, f->bob);
	f->bob->removed = true;
	test_ack(&f->owner, f->w.rows[0].sequence);
	test_commit_all(&f->w);
	test_gone(&f->owner);
	for (int i = 0; i < 5; i++) {
		test_world_pass(&f->w, 2000);
		test_commit_all(&f->w);
	}
	assert_int_equal(f->w.n_acks, 1);
	assert_int_equal(f->w.core->mailboxes.n, 0);
	m = test_hear(&f->sender);
	assert_int_equal(m->of_case, SOTTO__SERVER_MESSAGE__OF_SENT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	static const struct CMUnitTest tests[] = {
		TEST(test_live_acked_in_time_never_touches_the_disk),
		TEST(test_live_without_ack_is_answered_after_its_commit),
		TEST(test_busy_loop_waits_longer_for_an_ack),
		TEST(test_one_late_ack_of_many_messages_counts_once),
		TEST(test_ack_during_the_commit_answers_once_and_deletes),
		TEST(test_slow_device_has_its_mail_written_at_once),
		TEST(test_slow_device_that_becomes_quick_is_waited_for),
		TEST(test_owner_who_leaves_has_unacked_mail_written),
		TEST(test_offline_mail_is_answered_after_its_commit),
		TEST(test_failed_commit_is_not_accepted),
		TEST(test_full_mailbox_is_said),
		TEST(test_sender_who_leaves_loses_nothing),
		TEST(test_acks_are_one_op_at_a_time_with_the_newest),
		TEST(test_failed_ack_is_tried_again),
		TEST(test_ack_of_a_removed_device_is_not_tried_again),
		TEST(test_slots_of_one_send_are_answered_together),
		TEST(test_repeated_send_is_not_delivered_again),
		TEST(test_same_id_with_another_content_is_a_conflict),
		TEST(test_commit_after_the_snapshot_is_pushed_from_memory),
		TEST(test_row_in_snapshot_and_memory_is_pushed_once),
		TEST(test_older_mail_that_is_committed_later_comes_first),
		TEST(test_tail_that_overflows_is_read_again),
		TEST(test_full_window_stops_and_goes_on_without_a_gap),
		TEST(test_failed_read_is_tried_again),
		TEST(test_newest_connection_replaces_and_gets_the_unacked),
		TEST(test_ack_beyond_what_was_sent_is_refused),
		TEST(test_idle_mailboxes_leave_memory),
		TEST(test_mailbox_made_anew_repeats_no_sequence),
		TEST(test_full_disk_queue_stops_senders_and_keeps_the_order),
	};

	if (sodium_init() < 0)
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
