/* Accounts, lists, revocations and prekeys: what every engine must do. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "drive.h"
#include "identity.h"
#include "relay.pb-c.h"

static void test_register_twice(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_put_list(f, STORE_REGISTER, 1, drive_list(1, 1, 0)), 0);
	assert_int_equal(drive_put_list(f, STORE_REGISTER, 1, drive_list(2, 1, 0)),
			 ERR_EXISTS);
	assert_int_equal(drive_put_list(f, STORE_REGISTER, 2, drive_text("\xff")),
			 ERR_FORMAT);
	assert_int_equal(drive_put_list(f, STORE_REGISTER, 2, drive_list(1, 2, 1 << 1)),
			 ERR_NOT_FOUND);
	assert_false(drive_device(f, drive_box(2, 1)).account_known);
}

static void test_list_removes_what_a_device_had(void **state)
{
	struct drive *f = *state;
	struct store_slot s[2];
	struct store_op op;

	drive_enroll(f, 1, 2);
	s[0] = drive_slot(drive_box(1, 1), 1, "one");
	s[1] = drive_slot(drive_box(1, 2), 1, "two");
	op = drive_envelope("a", "shared", s, 2);
	assert_int_equal(drive_commit(f, &op), 0);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 1, 5), 5);
	assert_int_equal(drive_put_list(f, STORE_LIST, 1, drive_list(2, 3, 1 << 1)), 0);
	drive_reopen(f);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 0);
	assert_false(drive_device(f, drive_box(1, 1)).device_known);
	assert_int_equal(drive_send(f, "b", drive_box(1, 1), 2), STORE_SLOT_GONE);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 6, 1), ERR_NOT_FOUND);
	assert_int_equal(drive_rows(f, drive_box(1, 2), 0), 1);
	assert_string_equal(f->payload, "shared");
	assert_true(drive_device(f, drive_box(1, 3)).device_known);
	assert_int_equal(drive_put_list(f, STORE_LIST, 9, drive_list(2, 1, 0)),
			 ERR_NOT_FOUND);
	/* Were it listed again, it would begin with nothing. */
	assert_int_equal(drive_put_list(f, STORE_LIST, 1, drive_list(3, 3, 0)), 0);
	assert_int_equal(drive_device(f, drive_box(1, 1)).prekeys, 0);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 0);
}

static void test_read_device_gives_the_list(void **state)
{
	struct drive *f = *state;
	struct store_device d = { .account_known = false };
	struct mailbox_id m = drive_box(1, 1);
	struct bytes l;

	drive_enroll(f, 1, 1);
	buf_init(&d.list, DEVICE_LIST_BYTES_MAX);
	assert_int_equal(drive_engine->read_device(f->store, &m, &d), 0);
	l = drive_list(1, 1, 0);
	assert_int_equal(d.list.len, l.len);
	assert_memory_equal(d.list.data, l.data, l.len);
	buf_finish(&d.list);
}

struct revoked {
	size_t n;
	uint8_t last[CAPABILITY_ID_LEN];
};

static void see_revoked(void *ctx, const struct account_id *account,
			const uint8_t id[CAPABILITY_ID_LEN])
{
	const struct account_id owner = drive_account(1);
	struct revoked *r = ctx;

	assert_true(account_equal(account, &owner));

	r->n++;
	memcpy(r->last, id, CAPABILITY_ID_LEN);
}

static size_t revoked(struct drive *f)
{
	struct revoked r = { .n = 0 };

	assert_int_equal(drive_engine->read_revoked(f->store, see_revoked, &r), 0);
	if (r.n > 0)
		assert_int_equal(r.last[0], 2);
	return r.n;
}

static void test_revocations_last_as_long_as_capabilities(void **state)
{
	struct drive *f = *state;
	struct store_op op = { .type = STORE_REVOKE };
	const uint8_t ids[2][CAPABILITY_ID_LEN] = { { 1 }, { 2 } };

	op.u.revoke.account = drive_account(1);
	op.u.revoke.ids = ids;
	op.u.revoke.n = 2;
	assert_int_equal(drive_commit(f, &op), 0);
	drive_reopen(f);
	assert_int_equal(revoked(f), 2);
	drive_sweep(f, T0 + CAPABILITY_HOURS * HOUR);
	assert_int_equal(revoked(f), 2);
	drive_sweep(f, T0 + CAPABILITY_HOURS * HOUR + 3 * DAY);
	assert_int_equal(revoked(f), 0);
}

static void test_take_hands_a_prekey_out_once(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 1, 3), 3);
	assert_int_equal(drive_take(f, "a", 1, false), 1);
	assert_int_equal(drive_take(f, "b", 1, false), 2);
	drive_reopen(f);
	assert_int_equal(drive_device(f, drive_box(1, 1)).prekeys, 1);
	assert_int_equal(drive_take(f, "c", 1, false), 3);
	assert_int_equal(drive_take(f, "d", 1, false), 0);
	assert_int_equal(drive_take(f, "e", 2, false), ERR_NOT_FOUND);
}

static void test_take_repeated_answers_the_same(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	drive_enroll(f, 2, 1);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 1, 3), 3);
	assert_int_equal(drive_take(f, "a", 1, false), 1);
	assert_int_equal(drive_take(f, "b", 1, false), 2);
	drive_reopen(f);
	f->now += DAY - 1;
	drive_sweep(f, f->now);
	assert_int_equal(drive_take(f, "a", 1, false), 1);
	assert_int_equal(drive_take(f, "a", 2, false), ERR_CONFLICT);
	assert_int_equal(drive_device(f, drive_box(1, 1)).prekeys, 1);
}

static void test_take_of_the_list_alone_takes_nothing(void **state)
{
	struct drive *f = *state;
	struct store_op op = { .type = STORE_TAKE };
	Sotto__Fetched *fetched;
	struct buf out;

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 1, 3), 3);
	buf_init(&out, 4096);
	op.u.take.account = drive_account(1);
	op.u.take.list_only = true;
	op.u.take.fetched = &out;
	assert_int_equal(drive_commit(f, &op), 0);
	fetched = sotto__fetched__unpack(NULL, out.len, out.data);
	assert_non_null(fetched);
	assert_int_equal(fetched->list->n_devices, 1);
	assert_int_equal(fetched->n_bundles, 0);
	sotto__fetched__free_unpacked(fetched, NULL);
	buf_finish(&out);
	assert_int_equal(drive_device(f, drive_box(1, 1)).prekeys, 3);
}

static void test_take_by_intro_only_from_its_share(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 1, 20), 20);
	assert_int_equal(drive_take(f, "a", 1, true), 1);
	assert_int_equal(drive_take(f, "b", 1, true), 2);
	assert_int_equal(drive_take(f, "c", 1, true), 0);
	assert_int_equal(drive_take(f, "d", 1, false), 3);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 21, 10), 27);
	assert_int_equal(drive_take(f, "e", 1, true), 4);
	assert_int_equal(drive_take(f, "f", 1, true), 0);
}

static void test_prekeys_repeated_come_not_back(void **state)
{
	struct drive *f = *state;

	drive_enroll(f, 1, 1);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 0xfffffe, 2), 2);
	assert_int_equal(drive_take(f, "a", 1, false), 0xfffffe);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 0xfffffe, 2), 1);
	/* Ids begin anew after 2^24 - 1. */
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 1, 2), 3);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), 0xfffffe, 2), 3);
	assert_int_equal(drive_take(f, "b", 1, false), 0xffffff);
	assert_int_equal(drive_take(f, "c", 1, false), 1);
}

static void test_prekeys_over_the_maximum_are_refused_whole(void **state)
{
	struct drive *f = *state;
	uint32_t id = 1;

	drive_enroll(f, 1, 1);
	for (; id <= PREKEYS_MAX; id += 100)
		assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), id, 100),
				 id + 99);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), id, 1), ERR_FULL);
	assert_int_equal(drive_take(f, "a", 1, false), 1);
	assert_int_equal(drive_put_prekeys(f, drive_box(1, 1), id, 1), PREKEYS_MAX);
}

static void test_device_removed_twice_in_a_batch_releases_once(void **state)
{
	struct drive *f = *state;
	struct store_op without = { .type = STORE_LIST }, with = without,
			again = without;
	struct store_op *ops[] = { &without, &with, &again };
	uint8_t lists[2][256];
	struct store_slot s[3];
	struct store_op op;
	struct bytes l;

	drive_enroll(f, 1, 3);
	for (uint32_t i = 0; i < 3; i++)
		s[i] = drive_slot(drive_box(1, i + 1), 1, "x");
	op = drive_envelope("a", "shared", s, 3);
	assert_int_equal(drive_commit(f, &op), 0);
	l = drive_list(2, 2, 0);
	memcpy(lists[0], l.data, l.len);
	without.u.account.list = (struct bytes){ lists[0], l.len };
	l = drive_list(3, 3, 0);
	memcpy(lists[1], l.data, l.len);
	with.u.account.list = (struct bytes){ lists[1], l.len };
	without.u.account.account = with.u.account.account = drive_account(1);
	again = without;
	assert_int_equal(drive_engine->commit(f->store, ops, 3, f->now), 0);
	assert_int_equal(again.result, 0);
	assert_int_equal(drive_rows(f, drive_box(1, 1), 0), 1);
	assert_int_equal(drive_ack(f, drive_box(1, 1), 1), 0);
	assert_int_equal(drive_rows(f, drive_box(1, 2), 0), 1);
	assert_string_equal(f->payload, "shared");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		DRIVE_TEST(test_register_twice),
		DRIVE_TEST(test_list_removes_what_a_device_had),
		DRIVE_TEST(test_read_device_gives_the_list),
		DRIVE_TEST(test_revocations_last_as_long_as_capabilities),
		DRIVE_TEST(test_take_hands_a_prekey_out_once),
		DRIVE_TEST(test_take_repeated_answers_the_same),
		DRIVE_TEST(test_take_of_the_list_alone_takes_nothing),
		DRIVE_TEST(test_take_by_intro_only_from_its_share),
		DRIVE_TEST(test_prekeys_repeated_come_not_back),
		DRIVE_TEST(test_prekeys_over_the_maximum_are_refused_whole),
		DRIVE_TEST(test_device_removed_twice_in_a_batch_releases_once),
	};

	drive_engine = &store_rocks;
	return cmocka_run_group_tests_name("embedded", tests, NULL, NULL);
}
