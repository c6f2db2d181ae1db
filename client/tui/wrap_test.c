#include "wrap.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "text.h"

/* The rows joined by '|'. */
static const char *wrapped(const char *text, int width)
{
	static char out[1024];
	size_t used = 0, start, len;
	struct wrap w;

	wrap_init(&w, text, strlen(text), width);
	while (wrap_next(&w, &start, &len))
		used += (size_t)snprintf(out + used, sizeof(out) - used, "%s%.*s",
					 used ? "|" : "", (int)len, text + start);
	return out;
}

static void test_wrap_breaks_at_spaces(void **state)
{
	(void)state;
	assert_string_equal(wrapped("one two three", 7), "one two|three");
	assert_string_equal(wrapped("one two three", 8), "one two|three");
	assert_string_equal(wrapped("one   two", 4), "one|two");
	assert_string_equal(wrapped("one", 3), "one");
}

static void test_wrap_keeps_empty_rows(void **state)
{
	(void)state;
	assert_int_equal(wrap_count("", 0, 10), 1);
	assert_int_equal(wrap_count("\n", 1, 10), 2);
	assert_int_equal(wrap_count("a\n\nb", 4, 10), 3);
	assert_int_equal(wrap_count("ab\n", 3, 2), 2);
}

static void test_wrap_cuts_long_words(void **state)
{
	(void)state;
	assert_string_equal(wrapped("abcdefgh", 3), "abc|def|gh");
	assert_string_equal(wrapped("a bcdefgh", 4), "a|bcde|fgh");
}

static void test_wrap_keeps_indentation(void **state)
{
	(void)state;
	assert_string_equal(wrapped("  if (x)\n    y();", 20), "  if (x)|    y();");
}

static void test_wrap_breaks_between_wide_characters(void **state)
{
	(void)state;
	assert_string_equal(wrapped("漢字仮名", 5), "漢字|仮名");
	assert_string_equal(wrapped("ab漢字", 5), "ab漢|字");
	assert_string_equal(wrapped("word漢字", 5), "word|漢字");
}

static void test_wrap_begins_no_row_with_closing_punctuation(void **state)
{
	(void)state;
	assert_string_equal(wrapped("漢字仮名。漢", 8), "漢字仮|名。漢");
	assert_string_equal(wrapped("漢字仮。漢", 8), "漢字仮。|漢");
	assert_string_equal(wrapped("。。。。。", 4), "。。|。。|。");
}

static void test_wrap_keeps_clusters_whole(void **state)
{
	(void)state;
	assert_string_equal(wrapped("ae\u0301ae\u0301", 2), "ae\u0301|ae\u0301");
	assert_string_equal(wrapped("\U0001F1E9\U0001F1EA\U0001F1EB\U0001F1F7", 3),
			    "\U0001F1E9\U0001F1EA|\U0001F1EB\U0001F1F7");
}

static void test_wrap_ends_with_what_is_wider_than_a_row(void **state)
{
	(void)state;
	/* three joined people take six columns */
	assert_int_equal(wrap_count("\U0001F468\u200D\U0001F469\u200D\U0001F467x", 19,
				    2), 2);
	assert_int_equal(wrap_count("漢", 3, 0), 1);
}

static void test_wrap_does_not_break_at_hanging_spaces(void **state)
{
	(void)state;
	assert_int_equal(wrap_count("abc    ", 7, 3), 1);
	assert_string_equal(wrapped("abc    \nd", 3), "abc    |d");
}

static void test_wrap_long_line_without_newline(void **state)
{
	size_t len = 30000, start, n, sum = 0;
	char *text = xmalloc(len);
	struct wrap w;

	(void)state;
	memset(text, 'x', len);
	assert_int_equal(wrap_count(text, len, 77), 390);
	memset(text, ' ', len);
	text[len - 1] = 'x';
	assert_in_range(wrap_count(text, len, 77), 1, 400);
	for (size_t i = 0; i + 3 <= len; i += 3)
		memcpy(text + i, "漢", 3);
	wrap_init(&w, text, len, 77);
	while (wrap_next(&w, &start, &n)) {
		assert_in_range(text_width(text + start, n), 1, 77);
		sum += n;
	}
	assert_int_equal(sum, len);	/* nothing is left out */
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_wrap_breaks_at_spaces),
		cmocka_unit_test(test_wrap_keeps_empty_rows),
		cmocka_unit_test(test_wrap_cuts_long_words),
		cmocka_unit_test(test_wrap_keeps_indentation),
		cmocka_unit_test(test_wrap_breaks_between_wide_characters),
		cmocka_unit_test(test_wrap_begins_no_row_with_closing_punctuation),
		cmocka_unit_test(test_wrap_keeps_clusters_whole),
		cmocka_unit_test(test_wrap_ends_with_what_is_wider_than_a_row),
		cmocka_unit_test(test_wrap_does_not_break_at_hanging_spaces),
		cmocka_unit_test(test_wrap_long_line_without_newline),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
