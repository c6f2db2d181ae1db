#include "buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void append(struct buf *b, const char *text)
{
	assert_int_equal(buf_append(b, text, strlen(text)), OK);
}

static void assert_content(const struct buf *b, const char *text)
{
	assert_int_equal(b->len, strlen(text));
	assert_memory_equal(b->data, text, b->len);
}

static void test_buf_append_fills_to_the_maximum_and_no_further(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 5);
	append(&b, "abc");
	assert_int_equal(buf_append(&b, "def", 3), ERR_TOO_BIG);
	assert_content(&b, "abc");
	append(&b, "de");
	assert_int_equal(buf_append_u8(&b, 'f'), ERR_TOO_BIG);
	assert_int_equal(buf_append(&b, NULL, 0), OK);
	assert_content(&b, "abcde");
	assert_true(b.cap <= 5);
	buf_finish(&b);
}

static void test_buf_append_of_a_size_that_would_wrap(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, SIZE_MAX);
	append(&b, "abc");
	/* len + this overflows to 1. */
	assert_null(buf_reserve(&b, SIZE_MAX - 1));
	assert_content(&b, "abc");
	buf_finish(&b);
}

static void test_buf_consume_in_a_stream(void **state)
{
	uint8_t next_in = 0, next_out = 0;
	struct buf b;

	(void)state;
	buf_init(&b, 1000);
	for (int i = 0; i < 20000; i++) {
		size_t take = (size_t)(i * 7 % 13);

		while (b.len < 900)
			assert_int_equal(buf_append_u8(&b, next_in++), OK);
		for (size_t k = 0; k < take; k++)
			assert_int_equal(b.data[k], next_out++);
		buf_consume(&b, take);
	}
	/* Sliding, not growing: it never needed more than its maximum. */
	assert_true(b.cap + b.head <= 1000);
	buf_consume(&b, b.len);
	assert_int_equal(b.len, 0);
	assert_int_equal(b.head, 0);
	buf_finish(&b);
	assert_null(b.data);
}

static void test_buf_consume_keeps_the_memory_small(void **state)
{
	static const uint8_t chunk[50];
	struct buf b;

	(void)state;
	buf_init(&b, 1 << 20);
	assert_int_equal(buf_append(&b, chunk, sizeof(chunk)), OK);
	for (int i = 0; i < 10000; i++) {
		assert_int_equal(buf_append(&b, chunk, sizeof(chunk)), OK);
		buf_consume(&b, sizeof(chunk));
	}
	assert_true(b.cap + b.head <= 512);
	buf_finish(&b);
}

static void test_buf_consume_then_fill_to_the_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 8);
	append(&b, "abcdefgh");
	buf_consume(&b, 2);
	append(&b, "ij");
	assert_int_equal(buf_append_u8(&b, 'k'), ERR_TOO_BIG);
	assert_content(&b, "cdefghij");
	buf_finish(&b);
}

static void test_buf_clear_and_finish_leave_it_usable(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 100);
	append(&b, "secret");
	buf_consume(&b, 1);
	buf_clear(&b);
	append(&b, "one");
	assert_content(&b, "one");
	buf_wipe(&b);
	append(&b, "two");
	assert_content(&b, "two");
	buf_finish(&b);
	buf_finish(&b);
	b = (struct buf){ 0 };
	buf_finish(&b);
}

static void test_buf_appendf_at_the_maximum(void **state)
{
	struct buf b;

	(void)state;
	buf_init(&b, 6);
	assert_int_equal(buf_appendf(&b, "%s-%d", "ab", 123), OK);
	assert_content(&b, "ab-123");
	assert_int_equal(buf_appendf(&b, "%d", 4), ERR_TOO_BIG);
	assert_int_equal(buf_appendf(&b, "%s", ""), OK);
	assert_content(&b, "ab-123");
	buf_finish(&b);
}

static void test_buf_numbers_are_big_endian(void **state)
{
	static const uint8_t want[] = { 0x80, 1, 2, 3, 0xff, 1, 2, 3, 4, 5, 6, 7 };
	uint8_t got[sizeof(want)];

	(void)state;
	put_u32(got, 0x80010203);
	put_u64(got + 4, 0xff01020304050607);
	assert_memory_equal(got, want, sizeof(want));
	assert_int_equal(get_u32(got), 0x80010203);
	assert_true(get_u64(got + 4) == 0xff01020304050607);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_buf_append_fills_to_the_maximum_and_no_further),
		cmocka_unit_test(test_buf_append_of_a_size_that_would_wrap),
		cmocka_unit_test(test_buf_consume_in_a_stream),
		cmocka_unit_test(test_buf_consume_keeps_the_memory_small),
		cmocka_unit_test(test_buf_consume_then_fill_to_the_maximum),
		cmocka_unit_test(test_buf_clear_and_finish_leave_it_usable),
		cmocka_unit_test(test_buf_appendf_at_the_maximum),
		cmocka_unit_test(test_buf_numbers_are_big_endian),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
