#include "events.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "log.h"
#include "test_store.h"

static const uint64_t day = 24 * 3600 * 1000;

static int64_t append(struct test_store *t, const char *json)
{
	int64_t seq = -1;

	assert_int_equal(events_append(t->db, "message", json, &seq), OK);
	return seq;
}

struct seen {
	int64_t first, last;
	int count, stop_at;
};

static int on_event(void *ctx, int64_t seq, const char *type, const char *json)
{
	struct seen *s = ctx;

	assert_string_equal(type, "message");
	assert_int_equal(json[0], '{');
	if (!s->count++)
		s->first = seq;
	s->last = seq;
	return s->count == s->stop_at ? 7 : 0;
}

static void test_events_seq_grows_by_one_and_survives(void **state)
{
	struct test_store *t = *state;
	struct seen s = { 0 };
	int64_t last = -1;

	assert_int_equal(events_last(t->db, &last), OK);
	assert_int_equal(last, 0);
	assert_int_equal(append(t, "{}"), 1);
	assert_int_equal(append(t, "{}"), 2);
	assert_int_equal(db_begin(t->db), OK);
	assert_int_equal(append(t, "{}"), 3);
	db_rollback(t->db);
	test_store_reopen(t);
	assert_int_equal(append(t, "{}"), 3);
	assert_int_equal(events_last(t->db, &last), OK);
	assert_int_equal(last, 3);
	assert_int_equal(events_read(t->db, 1, 10, on_event, &s), OK);
	assert_int_equal(s.first, 2);
	assert_int_equal(s.last, 3);
	s = (struct seen){ .stop_at = 1 };
	assert_int_equal(events_read(t->db, 0, 10, on_event, &s), 7);
	s = (struct seen){ 0 };
	assert_int_equal(events_read(t->db, 0, 2, on_event, &s), OK);
	assert_int_equal(s.count, 2);
}

static void test_cursor_begins_at_the_end_or_where_asked(void **state)
{
	struct test_store *t = *state;
	int64_t acked = -1;
	bool created = false;

	append(t, "{}");
	append(t, "{}");
	assert_int_equal(cursor_open(t->db, "a", &acked, &created), OK);
	assert_true(created);
	assert_int_equal(acked, 2);
	assert_int_equal(cursor_open_at(t->db, "b", 0, &acked, &created), OK);
	assert_true(created);
	assert_int_equal(acked, 0);
	assert_int_equal(cursor_open_at(t->db, "c", 99, &acked, &created), OK);
	assert_int_equal(acked, 2);
	assert_int_equal(cursor_open_at(t->db, "a", 0, &acked, &created), OK);
	assert_false(created);
	assert_int_equal(acked, 2);
}

static void test_cursor_ack_never_goes_back(void **state)
{
	struct test_store *t = *state;
	int64_t acked;
	bool created;

	for (int i = 0; i < 3; i++)
		append(t, "{}");
	assert_int_equal(cursor_ack(t->db, "a", 1), ERR_NOT_FOUND);
	assert_int_equal(cursor_open_at(t->db, "a", 0, &acked, &created), OK);
	assert_int_equal(cursor_ack(t->db, "a", 2), OK);
	assert_int_equal(cursor_ack(t->db, "a", 1), OK);
	assert_int_equal(cursor_ack(t->db, "a", 4), ERR_USAGE);
	test_store_reopen(t);
	assert_int_equal(cursor_open(t->db, "a", &acked, &created), OK);
	assert_int_equal(acked, 2);
}

static void test_sendkey_gives_back_the_id_for_the_same_digest(void **state)
{
	const uint8_t digest[32] = { 1 }, other[32] = { 2 }, id[16] = { 3 };
	struct test_store *t = *state;
	uint8_t got[16] = { 0 };

	assert_int_equal(sendkey_get(t->db, "k", digest, got), ERR_NOT_FOUND);
	assert_int_equal(sendkey_put(t->db, "k", digest, id, 100 * day), OK);
	assert_int_equal(sendkey_get(t->db, "k", digest, got), OK);
	assert_memory_equal(got, id, sizeof(id));
	assert_int_equal(sendkey_get(t->db, "k", other, got), ERR_CONFLICT);
	assert_int_equal(events_prune(t->db, 130 * day), OK);
	assert_int_equal(sendkey_get(t->db, "k", digest, got), OK);
	assert_int_equal(events_prune(t->db, 131 * day), OK);
	assert_int_equal(sendkey_get(t->db, "k", digest, got), ERR_NOT_FOUND);
}

static int count(struct test_store *t)
{
	struct seen s = { 0 };

	assert_int_equal(events_read(t->db, 0, 1000, on_event, &s), OK);
	return s.count;
}

static void test_events_prune_waits_a_month_and_for_cursors(void **state)
{
	struct test_store *t = *state;
	int64_t acked, last;
	bool created;

	assert_int_equal(cursor_open_at(t->db, "a", 0, &acked, &created), OK);
	append(t, "{}");
	append(t, "{}");
	assert_int_equal(events_prune(t->db, 100 * day), OK);
	append(t, "{}");
	assert_int_equal(cursor_ack(t->db, "a", 1), OK);
	assert_int_equal(events_prune(t->db, 129 * day), OK);
	assert_int_equal(count(t), 3);
	assert_int_equal(events_prune(t->db, 130 * day), OK);
	assert_int_equal(count(t), 2);
	/* The cursor goes on later. */
	assert_int_equal(cursor_ack(t->db, "a", 3), OK);
	assert_int_equal(events_prune(t->db, 130 * day), OK);
	assert_int_equal(count(t), 1);
	/* The newest stays: the next goes on from it. */
	assert_int_equal(events_prune(t->db, 170 * day), OK);
	assert_int_equal(count(t), 1);
	test_store_reopen(t);
	assert_int_equal(events_last(t->db, &last), OK);
	assert_int_equal(last, 3);
	assert_int_equal(append(t, "{}"), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_events_seq_grows_by_one_and_survives),
		STORE_TEST(test_cursor_begins_at_the_end_or_where_asked),
		STORE_TEST(test_cursor_ack_never_goes_back),
		STORE_TEST(test_sendkey_gives_back_the_id_for_the_same_digest),
		STORE_TEST(test_events_prune_waits_a_month_and_for_cursors),
	};

	log_init("events_test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
