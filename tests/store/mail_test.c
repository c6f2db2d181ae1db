/* Opening, envelopes, acknowledgements: what every engine must do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"

static void test_open_again_keeps_identity_and_raises_boot(void **state)
{
	struct drive *f = *state;
	struct store_identity first = f->identity;

	assert_int_equal(first.boot, T0);
	drive_reopen(f);
	assert_int_equal(f->identity.boot, T0 + 1);
	assert_memory_equal(f->identity.relay_key, first.relay_key, 32);
	assert_memory_equal(f->identity.incarnation, first.incarnation,
			    INCARNATION_LEN);
	f->now = T0 - DAY;	/* a clock that went back lowers nothing */
	drive_reopen(f);
	assert_int_equal(f->identity.boot, T0 + 2);
}

static void test_open_of_an_open_store_is_locked(void **state)
{
	struct drive *f = *state;
	struct store_identity identity;
	void *store;

	assert_int_equal(drive_engine->open(&f->settings, T0, &store, &identity),
			 ERR_LOCKED);
}

static void test_envelope_is_read_after_reopening(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 10), STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), 11), STORE_SLOT_STORED);
	drive_reopen(f);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 2);
	assert_string_equal(f->sealed, "sealed");
	assert_string_equal(f->payload, "payload");
	assert_int_equal(drive_rows(f, drive_box(1, 1), 10), 1);
	assert_int_equal(drive_rows(f, drive_box(1, 1), UINT64_MAX), 0);
	assert_int_equal(drive_device(f, drive_box(1, 1)).last_sequence, 11);
	assert_int_equal(drive_device(f, drive_box(1, 1)).cursor, 0);
}

static void test_envelope_to_unknown_device_is_gone(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_send(f, "a", drive_box(1, 2), 1), STORE_SLOT_GONE);
	assert_int_equal(drive_send(f, "a", drive_box(2, 1), 1), STORE_SLOT_GONE);
	assert_false(drive_device(f, drive_box(1, 2)).device_known);
	assert_true(drive_device(f, drive_box(1, 2)).account_known);
	assert_false(drive_device(f, drive_box(2, 1)).account_known);
}

static void test_envelope_repeated_is_stored_once(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 2), STORE_SLOT_STORED);
	drive_reopen(f);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 3), STORE_SLOT_STORED);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 1), 0);
	f->now += DAY;
	drive_sweep(f, f->now);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 4), STORE_SLOT_STORED);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 0);
	f->now += 2 * DAY;
	drive_sweep(f, f->now);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 5), STORE_SLOT_STORED);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 1);
}

static void test_envelope_with_other_content_conflicts(void **state)
{
	struct drive *f = *state;
	struct store_slot s[2] = { drive_slot(drive_box(1, 1), 2, "other"),
				   drive_slot(drive_box(1, 1), 2, "sealed") };
	struct store_op op = drive_envelope("a", "payload", s, 1);

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(drive_commit(f, &op), 0);
	assert_int_equal(s[0].status, STORE_SLOT_CONFLICT);
	op = drive_envelope("a", "another payload", &s[1], 1);
	assert_int_equal(drive_commit(f, &op), 0);
	assert_int_equal(s[1].status, STORE_SLOT_CONFLICT);
	op.u.envelope.payload = drive_text("payload");
	op.u.envelope.ephemeral_key[0] = 1;
	assert_int_equal(drive_commit(f, &op), 0);
	assert_int_equal(s[1].status, STORE_SLOT_CONFLICT);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 1);
}

static void test_envelope_at_or_below_cursor_is_refused_whole(void **state)
{
	struct drive *f = *state;
	struct store_slot s[2];
	struct store_op op;

	drive_enroll(f, 1, 2);
	assert_int_equal(drive_ack(f, drive_box(1, 2), 5), 0);
	s[0] = drive_slot(drive_box(1, 1), 5, "x");
	s[1] = drive_slot(drive_box(1, 2), 5, "x");
	op = drive_envelope("a", "payload", s, 2);
	assert_int_equal(drive_commit(f, &op), ERR_USAGE);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 0);
}

static void test_shared_payload_lasts_until_its_last_row(void **state)
{
	struct drive *f = *state;
	struct store_slot s[3];
	struct store_op op;

	drive_enroll(f, 1, 2);
	drive_enroll(f, 2, 1);
	s[0] = drive_slot(drive_box(1, 1), 1, "one");
	s[1] = drive_slot(drive_box(1, 2), 1, "two");
	s[2] = drive_slot(drive_box(2, 1), 1, "three");
	op = drive_envelope("a", "shared", s, 3);
	assert_int_equal(drive_commit(f, &op), 0);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 1), 0);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 1), 0);
	drive_reopen(f);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 0);
	assert_int_equal(drive_rows(f, drive_box(1, 2), 0), 1);
	assert_string_equal(f->sealed, "two");
	assert_string_equal(f->payload, "shared");
	assert_int_equal(drive_ack(f, drive_box(1, 2), 1), 0);
	assert_int_equal(drive_rows(f, drive_box(2, 1), 0), 1);
	assert_string_equal(f->payload, "shared");
	assert_int_equal(drive_ack(f, drive_box(2, 1), 1), 0);
	assert_int_equal(drive_rows(f, drive_box(2, 1), 0), 0);
}

static void test_shared_envelope_repeated_fills_the_slots_left(void **state)
{
	struct drive *f = *state;
	struct store_slot s[2];
	struct store_op op;

	drive_enroll(f, 1, 1);
	s[0] = drive_slot(drive_box(1, 1), 1, "one");
	s[1] = drive_slot(drive_box(2, 1), 1, "two");
	op = drive_envelope("a", "shared", s, 2);
	assert_int_equal(drive_commit(f, &op), 0);
	assert_int_equal(s[0].status, STORE_SLOT_STORED);
	assert_int_equal(s[1].status, STORE_SLOT_GONE);
	drive_enroll(f, 2, 1);
	s[0].sequence = 2;
	assert_int_equal(drive_commit(f, &op), 0);
	assert_int_equal(s[1].status, STORE_SLOT_STORED);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 1);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 1), 0);
	assert_int_equal(drive_rows(f, drive_box(2, 1), 0), 1);
	assert_string_equal(f->payload, "shared");
}

static void test_read_stops_where_the_caller_says(void **state)
{
	struct drive *f = *state;
	struct drive_seen s = { .f = f, .stop = 2 };
	struct mailbox_id m = drive_box(1, 1);
	bool end = true;

	drive_enroll(f, 1, 1);
	for (uint64_t i = 1; i <= 3; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%d", (int)i);
		assert_int_equal(drive_send(f, id, m, i), STORE_SLOT_STORED);
	}
	assert_int_equal(drive_engine->read_mailbox(f->store, &m, 0, drive_see, &s, &end),
			 0);
	assert_int_equal(s.n, 2);
	assert_false(end);
}

static void test_ack_deletes_up_to_it_and_moves_the_cursor(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 2);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), 2), STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "c", drive_box(1, 1), 4), STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "d", drive_box(1, 2), 1), STORE_SLOT_STORED);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 3), 0);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 2), 0);	/* goes not back */
	drive_reopen(f);
	assert_int_equal(drive_device(f, drive_box(1, 1)).cursor, 3);
	assert_int_equal(drive_device(f, drive_box(1, 1)).last_sequence, 4);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 1);
	assert_int_equal(drive_rows(f, drive_box(1, 2), 0), 1);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 9), 0);
	assert_int_equal(drive_device(f, drive_box(1, 1)).last_sequence, 9);
	assert_int_equal(drive_ack(f, drive_box(1, 3), 1), ERR_NOT_FOUND);
}

static void test_ops_of_a_batch_see_those_before(void **state)
{
	struct drive *f = *state;
	struct store_slot s[2] = { drive_slot(drive_box(1, 1), 1, "s"),
				   drive_slot(drive_box(1, 1), 2, "s") };
	struct store_op put = drive_envelope("a", "p", &s[0], 1),
			again = drive_envelope("a", "p", &s[1], 1),
			a = { .type = STORE_ACK }, gone = { .type = STORE_ACK };
	struct store_op *ops[] = { &gone, &put, &again, &a };

	drive_enroll(f, 1, 1);
	a.u.ack.mailbox = drive_box(1, 1);
	a.u.ack.upto = 1;
	gone.u.ack.mailbox = drive_box(7, 7);
	gone.u.ack.upto = 1;
	assert_int_equal(drive_engine->commit(f->store, ops, 4, f->now), 0);
	assert_int_equal(gone.result, ERR_NOT_FOUND);
	assert_int_equal(put.result, 0);
	assert_int_equal(again.result, 0);
	assert_int_equal(s[1].status, STORE_SLOT_STORED);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 0);
	assert_int_equal(drive_device(f, drive_box(1, 1)).cursor, 1);
}

static void test_ack_of_older_rows_beside_a_new_one_in_a_batch(void **state)
{
	struct drive *f = *state;
	struct store_slot s[2] = { drive_slot(drive_box(1, 1), 3, "s"),
				   drive_slot(drive_box(1, 1), 4, "s") };
	struct store_op put = drive_envelope("c", "p", &s[0], 1),
			put2 = drive_envelope("d", "p", &s[1], 1),
			a = { .type = STORE_ACK }, b = { .type = STORE_ACK };
	struct store_op *ops[] = { &put, &a, &put2, &b };

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 1),
			 STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), 2),
			 STORE_SLOT_STORED);
	a.u.ack.mailbox = b.u.ack.mailbox = drive_box(1, 1);
	a.u.ack.upto = 1;
	b.u.ack.upto = 3;
	assert_int_equal(drive_engine->commit(f->store, ops, 4, f->now), 0);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 1);
	assert_int_equal(drive_device(f, drive_box(1, 1)).cursor, 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVE_TEST(test_open_again_keeps_identity_and_raises_boot),
		DRIVE_TEST(test_open_of_an_open_store_is_locked),
		DRIVE_TEST(test_envelope_is_read_after_reopening),
		DRIVE_TEST(test_envelope_to_unknown_device_is_gone),
		DRIVE_TEST(test_envelope_repeated_is_stored_once),
		DRIVE_TEST(test_envelope_with_other_content_conflicts),
		DRIVE_TEST(test_envelope_at_or_below_cursor_is_refused_whole),
		DRIVE_TEST(test_shared_payload_lasts_until_its_last_row),
		DRIVE_TEST(test_shared_envelope_repeated_fills_the_slots_left),
		DRIVE_TEST(test_read_stops_where_the_caller_says),
		DRIVE_TEST(test_ack_deletes_up_to_it_and_moves_the_cursor),
		DRIVE_TEST(test_ops_of_a_batch_see_those_before),
		DRIVE_TEST(test_ack_of_older_rows_beside_a_new_one_in_a_batch),
	};

	drive_engine = &store_rocks;
	return cmocka_run_group_tests_name("embedded", tests, NULL, NULL);
}
