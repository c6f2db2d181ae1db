#include "lines.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <cmocka.h>

static void feed(struct lines *l, const char *text)
{
	lines_feed(l, (const uint8_t *)text, strlen(text));
}

/* What lines_next answers for this text and a newline. */
static int next_of(const char *text)
{
	struct lines l;
	json_t *o = NULL;
	int ret;

	lines_init(&l);
	feed(&l, text);
	feed(&l, "\n");
	ret = lines_next(&l, &o);
	json_decref(o);
	lines_finish(&l);
	return ret;
}

static void test_lines_any_cut_gives_the_same_objects(void **state)
{
	static const char text[] = "{\"a\":1}\n\n{\"b\":\"x\\ny\"}\r\n{\"c\":[]}\n";

	(void)state;
	for (size_t step = 1; step <= sizeof(text); step++) {
		struct lines l;
		json_t *o = NULL, *all = json_array();

		lines_init(&l);
		for (size_t i = 0; i < sizeof(text) - 1; i += step) {
			size_t left = sizeof(text) - 1 - i;

			lines_feed(&l, (const uint8_t *)text + i,
				   left < step ? left : step);
			while (!lines_next(&l, &o))
				json_array_append_new(all, o);
		}
		assert_int_equal(json_array_size(all), 3);
		assert_string_equal(json_string_value(json_object_get(
			json_array_get(all, 1), "b")), "x\ny");
		json_decref(all);
		lines_finish(&l);
	}
}

static void test_lines_half_line_waits(void **state)
{
	struct lines l;
	json_t *o = NULL;

	(void)state;
	lines_init(&l);
	feed(&l, "{\"a\":");
	assert_int_equal(lines_next(&l, &o), ERR_NOT_FOUND);
	assert_null(o);
	feed(&l, "1}\n");
	assert_int_equal(lines_next(&l, &o), OK);
	json_decref(o);
	assert_int_equal(lines_next(&l, &o), ERR_NOT_FOUND);
	lines_finish(&l);
}

static void test_lines_bad_line_is_passed_over(void **state)
{
	struct lines l;
	json_t *o = NULL;

	(void)state;
	lines_init(&l);
	feed(&l, "nonsense\n[1]\n{\"a\":1}\n");
	assert_int_equal(lines_next(&l, &o), ERR_FORMAT);
	assert_int_equal(lines_next(&l, &o), ERR_USAGE);
	assert_int_equal(lines_next(&l, &o), OK);
	json_decref(o);
	lines_finish(&l);
}

static void test_lines_refuse_what_is_no_clean_object(void **state)
{
	(void)state;
	assert_int_equal(next_of("{\"a\":1,\"a\":2}"), ERR_FORMAT);
	assert_int_equal(next_of("{\"a\":\"\\u0000\"}"), ERR_FORMAT);
	assert_int_equal(next_of("{\"a\":\"\xff\"}"), ERR_FORMAT);
	assert_int_equal(next_of("{\"a\":1} {}"), ERR_FORMAT);
	assert_int_equal(next_of("{\"a\":1e999}"), ERR_FORMAT);
	assert_int_equal(next_of("{\"a\":99999999999999999999}"), ERR_FORMAT);
	assert_int_equal(next_of("null"), ERR_USAGE);
	assert_int_equal(next_of("[{}]"), ERR_USAGE);
}

static void test_lines_depth_is_bounded(void **state)
{
	char text[2 * LINE_DEPTH_MAX + 32] = "{\"a\":";
	size_t n = strlen(text);

	(void)state;
	memset(text + n, '[', LINE_DEPTH_MAX - 1);
	memset(text + n + LINE_DEPTH_MAX - 1, ']', LINE_DEPTH_MAX - 1);
	text[n + 2 * (LINE_DEPTH_MAX - 1)] = '}';
	assert_int_equal(next_of(text), OK);
	memset(text + n, '[', LINE_DEPTH_MAX);
	memset(text + n + LINE_DEPTH_MAX, ']', LINE_DEPTH_MAX);
	text[n + 2 * LINE_DEPTH_MAX] = '}';
	assert_int_equal(next_of(text), ERR_FORMAT);
	/* brackets in strings are text */
	assert_int_equal(next_of("{\"a\":\"\\\"[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[[["
				 "[[[[[[[[[[[[\"}"), OK);
}

static void test_lines_too_long_is_told_once_and_skipped(void **state)
{
	static uint8_t big[LINE_MAX_BYTES + 10];
	struct lines l;
	json_t *o = NULL;

	(void)state;
	memset(big, 'x', sizeof(big));
	lines_init(&l);
	lines_feed(&l, big, sizeof(big));
	assert_int_equal(lines_next(&l, &o), ERR_TOO_BIG);
	for (int i = 0; i < 20; i++) {
		lines_feed(&l, big, sizeof(big));
		assert_int_equal(lines_next(&l, &o), ERR_NOT_FOUND);
	}
	assert_true(l.in.cap <= 2 * sizeof(big));
	feed(&l, "\n{\"a\":1}\n");
	assert_int_equal(lines_next(&l, &o), OK);
	json_decref(o);
	lines_finish(&l);
}

static void test_lines_longest_line_passes(void **state)
{
	static char big[LINE_MAX_BYTES + 2];
	struct lines l;
	json_t *o = NULL;

	(void)state;
	memset(big, 'x', sizeof(big));
	memcpy(big, "{\"a\":\"", 6);
	memcpy(big + LINE_MAX_BYTES - 2, "\"}\n", 3);
	lines_init(&l);
	lines_feed(&l, (uint8_t *)big, LINE_MAX_BYTES + 1);
	assert_int_equal(lines_next(&l, &o), OK);
	json_decref(o);
	lines_finish(&l);
}

static void test_lines_append_over_maximum_leaves_out_alone(void **state)
{
	struct buf out;
	json_t *o = json_pack("{s:s}", "text", "a long enough text");

	(void)state;
	buf_init(&out, 20);
	assert_int_equal(buf_append(&out, "x", 1), OK);
	assert_int_equal(lines_append(&out, o), ERR_TOO_BIG);
	assert_int_equal(out.len, 1);
	buf_finish(&out);
	buf_init(&out, 100);
	assert_int_equal(lines_append(&out, o), OK);
	assert_int_equal(out.data[out.len - 1], '\n');
	buf_finish(&out);
	json_decref(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_lines_any_cut_gives_the_same_objects),
		cmocka_unit_test(test_lines_half_line_waits),
		cmocka_unit_test(test_lines_bad_line_is_passed_over),
		cmocka_unit_test(test_lines_refuse_what_is_no_clean_object),
		cmocka_unit_test(test_lines_depth_is_bounded),
		cmocka_unit_test(test_lines_too_long_is_told_once_and_skipped),
		cmocka_unit_test(test_lines_longest_line_passes),
		cmocka_unit_test(test_lines_append_over_maximum_leaves_out_alone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
