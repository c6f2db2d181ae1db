#include "outbox.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#include "log.h"
#include "test_store.h"

static void add(struct test_store *t, struct outbox_entry *e, int64_t contact,
		const char *bytes)
{
	*e = (struct outbox_entry){ .contact = contact, .kind = OUTBOX_TEXT,
				    .created_at = 77 };
	e->message[0] = 5;
	buf_init(&e->bytes, OUTBOX_BYTES_MAX);
	assert_int_equal(buf_append(&e->bytes, bytes, strlen(bytes)), OK);
	assert_int_equal(outbox_add(t->db, e), OK);
	buf_finish(&e->bytes);
}

static void test_outbox_lane_is_first_in_first_out(void **state)
{
	struct outbox_entry a, b, c, got;
	struct test_store *t = *state;

	add(t, &a, 1, "a");
	add(t, &b, 2, "b");
	add(t, &c, 1, "c");
	test_store_reopen(t);
	assert_int_equal(outbox_first(t->db, 1, &got), OK);
	assert_int_equal(got.row, a.row);
	assert_int_equal(got.kind, OUTBOX_TEXT);
	assert_int_equal(got.created_at, 77);
	assert_int_equal(got.message[0], 5);
	assert_false(got.encrypted);
	assert_int_equal(got.bytes.len, 1);
	assert_int_equal(got.bytes.data[0], 'a');
	buf_finish(&got.bytes);
	assert_int_equal(outbox_next(t->db, 1, a.row, &got), OK);
	assert_int_equal(got.row, c.row);
	buf_finish(&got.bytes);
	assert_int_equal(outbox_next(t->db, 1, c.row, &got), ERR_NOT_FOUND);
	assert_int_equal(outbox_first(t->db, 3, &got), ERR_NOT_FOUND);
}

static void test_outbox_encrypted_is_what_is_sent_from_then_on(void **state)
{
	struct outbox_entry a, got;
	struct test_store *t = *state;

	add(t, &a, 1, "content");
	a.envelope[15] = 9;
	buf_init(&a.bytes, 16);
	assert_int_equal(buf_append(&a.bytes, "send", 4), OK);
	assert_int_equal(outbox_encrypted(t->db, &a), OK);
	assert_int_equal(outbox_attempted(t->db, a.row), OK);
	assert_int_equal(outbox_attempted(t->db, a.row), OK);
	assert_int_equal(outbox_first(t->db, 1, &got), OK);
	assert_true(got.encrypted);
	assert_int_equal(got.attempts, 2);
	assert_int_equal(got.envelope[15], 9);
	assert_int_equal(got.bytes.len, 4);
	assert_memory_equal(got.bytes.data, "send", 4);
	buf_finish(&got.bytes);
	a.row++;
	assert_int_equal(outbox_encrypted(t->db, &a), ERR_NOT_FOUND);
	buf_finish(&a.bytes);
}

/* A row's number must not come again: answers of the relay name it. */
static void test_outbox_rows_are_never_used_twice(void **state)
{
	struct outbox_entry a, b;
	struct test_store *t = *state;
	int64_t n;

	add(t, &a, 1, "a");
	assert_int_equal(outbox_remove(t->db, a.row), OK);
	assert_int_equal(outbox_count(t->db, &n), OK);
	assert_int_equal(n, 0);
	add(t, &b, 1, "b");
	assert_true(b.row > a.row);
	assert_int_equal(outbox_count(t->db, &n), OK);
	assert_int_equal(n, 1);
}

static int on_lane(void *ctx, int64_t contact)
{
	char *s = ctx;

	s[strlen(s)] = (char)('0' + contact);
	return 0;
}

static void test_outbox_lanes_longest_waiting_first(void **state)
{
	struct test_store *t = *state;
	struct outbox_entry e;
	char lanes[8] = "";

	add(t, &e, 3, "a");
	add(t, &e, 1, "b");
	add(t, &e, 3, "c");
	add(t, &e, 2, "d");
	assert_int_equal(outbox_lanes(t->db, on_lane, lanes), OK);
	assert_string_equal(lanes, "312");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		STORE_TEST(test_outbox_lane_is_first_in_first_out),
		STORE_TEST(test_outbox_encrypted_is_what_is_sent_from_then_on),
		STORE_TEST(test_outbox_rows_are_never_used_twice),
		STORE_TEST(test_outbox_lanes_longest_waiting_first),
	};

	log_init("outbox_test", LOG_ERROR);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
