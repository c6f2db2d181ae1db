/* Quotas and retention: what every engine must do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"

static void fill(struct drive *f, const char *prefix, int n,
		 uint64_t *sequence, enum capability_class class)
{
	char id[16];

	for (int i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%s%d", prefix, i);
		assert_int_equal(drive_send_class(f, id, drive_box(1, 1), ++*sequence,
					    class), STORE_SLOT_STORED);
	}
}

static void test_mailbox_full_until_acked(void **state)
{
	struct drive *f = *state;
	uint64_t sequence = 0;

	drive_enroll(f, 1, 1);
	fill(f, "a", QUOTA_ROWS, &sequence, CAP_CONTACT);
	drive_reopen(f);	/* counts come from the disk */
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), ++sequence), STORE_SLOT_FULL);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 1), 0);
	drive_reopen(f);
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), ++sequence),
			 STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "c", drive_box(1, 1), ++sequence), STORE_SLOT_FULL);
}

static void test_mailbox_full_by_bytes(void **state)
{
	struct drive *f = *state;

	f->settings.mailbox_bytes = 200;
	drive_reopen(f);
	drive_enroll(f, 1, 1);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), 2), STORE_SLOT_FULL);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 1), 0);
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), 3), STORE_SLOT_STORED);
}

static void test_intro_has_a_share_of_the_mailbox(void **state)
{
	struct drive *f = *state;
	uint64_t sequence = 0;

	drive_enroll(f, 1, 1);
	fill(f, "i", QUOTA_ROWS / 10, &sequence, CAP_INTRO);
	assert_int_equal(drive_send_class(f, "j", drive_box(1, 1), ++sequence, CAP_INTRO),
			 STORE_SLOT_FULL);
	assert_int_equal(drive_send(f, "k", drive_box(1, 1), ++sequence),
			 STORE_SLOT_STORED);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 1), 0);
	assert_int_equal(drive_send_class(f, "j", drive_box(1, 1), ++sequence, CAP_INTRO),
			 STORE_SLOT_STORED);
}

static void test_sweep_expires_and_counts(void **state)
{
	struct drive *f = *state;
	struct store_op token = { .type = STORE_TOKEN };

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), 2), STORE_SLOT_STORED);
	f->now += HOUR;
	assert_int_equal(drive_send(f, "c", drive_box(1, 1), 3), STORE_SLOT_STORED);
	drive_sweep(f, T0 + RETENTION);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 3);
	drive_sweep(f, T0 + HOUR + RETENTION);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 1);
	drive_reopen(f);
	assert_int_equal(drive_device(f, drive_box(1, 1)).expired, 2);
	token.u.token.mailbox = drive_box(1, 1);
	token.u.token.counter = 7;
	token.u.token.expired = 2;
	assert_int_equal(drive_commit(f, &token), 0);
	drive_sweep(f, T0 + 2 * HOUR + RETENTION);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 0);
	assert_int_equal(drive_device(f, drive_box(1, 1)).expired, 1);
	assert_int_equal(drive_device(f, drive_box(1, 1)).token_counter, 7);
}

static void test_sweep_releases_quota_and_shared_payloads(void **state)
{
	struct drive *f = *state;
	struct store_slot s[2];
	struct store_op op;
	uint64_t sequence = 1;

	drive_enroll(f, 1, 1);
	drive_enroll(f, 2, 1);
	s[0] = drive_slot(drive_box(1, 1), 1, "one");
	s[1] = drive_slot(drive_box(2, 1), 1, "two");
	op = drive_envelope("z", "shared", s, 2);
	assert_int_equal(drive_commit(f, &op), 0);
	fill(f, "a", QUOTA_ROWS - 1, &sequence, CAP_CONTACT);
	assert_int_equal(drive_ack(f, drive_box(2, 1), 1), 0);
	f->now += RETENTION + HOUR;
	drive_sweep(f, f->now);
	assert_int_equal(drive_device(f, drive_box(1, 1)).expired, QUOTA_ROWS);
	fill(f, "b", QUOTA_ROWS, &sequence, CAP_CONTACT);
}

static void test_sweep_after_the_clock_went_back(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	f->now += HOUR;
	assert_int_equal(drive_send(f, "a", drive_box(1, 1), 1), STORE_SLOT_STORED);
	f->now -= HOUR;
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), 2), STORE_SLOT_STORED);
	drive_sweep(f, T0 + HOUR + RETENTION);
	drive_sweep(f, T0 + 2 * HOUR + RETENTION);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 0);
	assert_int_equal(drive_device(f, drive_box(1, 1)).expired, 2);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVE_TEST(test_mailbox_full_until_acked),
		DRIVE_TEST(test_mailbox_full_by_bytes),
		DRIVE_TEST(test_intro_has_a_share_of_the_mailbox),
		DRIVE_TEST(test_sweep_expires_and_counts),
		DRIVE_TEST(test_sweep_releases_quota_and_shared_payloads),
		DRIVE_TEST(test_sweep_after_the_clock_went_back),
	};

	drive_engine = &store_rocks;
	return cmocka_run_group_tests_name("embedded", tests, NULL, NULL);
}
