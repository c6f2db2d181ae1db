#include "edit.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

static struct edit *e;

static int set_up(void **state)
{
	(void)state;
	e = edit_create(200);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	edit_destroy(e);
	return 0;
}

static void type(const char *text)
{
	/* as keys come: one character at a time */
	while (*text) {
		size_t n = 1;

		while (((unsigned char)text[n] & 0xC0) == 0x80)
			n++;
		assert_int_equal(edit_insert(e, text, n), OK);
		text += n;
	}
}

/* The text with the cursor as '|'. */
static const char *shown(void)
{
	static char out[512];
	size_t at = edit_cursor(e);

	snprintf(out, sizeof(out), "%.*s|%s", (int)at, edit_text(e), edit_text(e) + at);
	return out;
}

static void ops(const enum edit_op *list, size_t n)
{
	for (size_t i = 0; i < n; i++)
		edit_do(e, list[i]);
}

#define DO(...) ops((enum edit_op[]){ __VA_ARGS__ }, \
		    sizeof((enum edit_op[]){ __VA_ARGS__ }) / sizeof(enum edit_op))

static void test_edit_inserts_at_cursor(void **state)
{
	(void)state;
	type("helo");
	DO(EDIT_LEFT);
	type("l");
	assert_string_equal(shown(), "hell|o");
}

static void test_edit_moves_by_cluster(void **state)
{
	(void)state;
	/* e with a combining acute, a family joined by ZWJ, a flag, CJK */
	type("e\u0301\U0001F468\u200D\U0001F469\u200D\U0001F467\U0001F1E9\U0001F1EA漢");
	DO(EDIT_LEFT);
	assert_string_equal(edit_text(e) + edit_cursor(e), "漢");
	DO(EDIT_LEFT);
	assert_string_equal(edit_text(e) + edit_cursor(e), "\U0001F1E9\U0001F1EA漢");
	DO(EDIT_LEFT, EDIT_LEFT);
	assert_int_equal(edit_cursor(e), 0);
	assert_false(edit_do(e, EDIT_LEFT));
	DO(EDIT_RIGHT);
	assert_int_equal(edit_cursor(e), 3);
}

static void test_edit_deletes_whole_clusters(void **state)
{
	(void)state;
	type("ae\u0301\U0001F44D\U0001F3FD");
	DO(EDIT_BACKSPACE);
	assert_string_equal(shown(), "ae\u0301|");
	DO(EDIT_BACKSPACE);
	assert_string_equal(shown(), "a|");
	DO(EDIT_LEFT, EDIT_DELETE);
	assert_string_equal(shown(), "|");
	assert_false(edit_do(e, EDIT_BACKSPACE));
	assert_false(edit_do(e, EDIT_DELETE));
}

static void test_edit_keeps_what_others_shall_get(void **state)
{
	(void)state;
	/* joiners stay, controls, bidi overrides and zero-width spaces do not */
	assert_int_equal(edit_insert(e, "a\x1b[31m\u202eb\u200b\U0001F468\u200D\U0001F469"
				     "\ttab\r\nx\xff", 36), OK);
	assert_string_equal(edit_text(e), "a[31mb\U0001F468\u200D\U0001F469 tab\nx\ufffd");
}

static void test_edit_refuses_more_than_maximum(void **state)
{
	char big[201];

	(void)state;
	memset(big, 'x', sizeof(big));
	assert_int_equal(edit_insert(e, big, 201), ERR_TOO_BIG);
	assert_int_equal(edit_len(e), 0);
	assert_int_equal(edit_insert(e, big, 200), OK);
	assert_int_equal(edit_insert(e, "y", 1), ERR_TOO_BIG);
	assert_int_equal(edit_len(e), 200);
}

static void test_edit_moves_by_word(void **state)
{
	(void)state;
	type("one, two-three  four");
	DO(EDIT_WORD_LEFT);
	assert_string_equal(shown(), "one, two-three  |four");
	DO(EDIT_WORD_LEFT);
	assert_string_equal(shown(), "one, two-|three  four");
	DO(EDIT_TEXT_START, EDIT_WORD_RIGHT, EDIT_WORD_RIGHT);
	assert_string_equal(shown(), "one, two|-three  four");
}

static void test_edit_kills_in_a_row_are_one(void **state)
{
	(void)state;
	type("one two three");
	DO(EDIT_KILL_WORD_LEFT, EDIT_KILL_WORD_LEFT);
	assert_string_equal(shown(), "one |");
	DO(EDIT_YANK);
	assert_string_equal(shown(), "one two three|");
	DO(EDIT_TEXT_START, EDIT_KILL_WORD_RIGHT);
	assert_string_equal(shown(), "| two three");
	DO(EDIT_TEXT_END, EDIT_YANK);
	assert_string_equal(shown(), " two threeone|");
	DO(EDIT_YANK_POP);
	assert_string_equal(shown(), " two threetwo three|");
	DO(EDIT_LEFT);
	assert_false(edit_do(e, EDIT_YANK_POP));
}

static void test_edit_kills_lines(void **state)
{
	(void)state;
	type("first\nsecond");
	DO(EDIT_LEFT, EDIT_KILL_LINE_START);
	assert_string_equal(shown(), "first\n|d");
	DO(EDIT_TEXT_START, EDIT_KILL_LINE_END);
	assert_string_equal(shown(), "|\nd");
	DO(EDIT_KILL_LINE_END);
	assert_string_equal(shown(), "|d");
}

static void test_edit_undo_goes_by_words(void **state)
{
	(void)state;
	type("one two");
	DO(EDIT_UNDO);
	assert_string_equal(shown(), "one|");
	DO(EDIT_UNDO);
	assert_string_equal(shown(), "|");
	assert_false(edit_do(e, EDIT_UNDO));
	DO(EDIT_REDO, EDIT_REDO);
	assert_string_equal(shown(), "one two|");
	DO(EDIT_KILL_ALL, EDIT_UNDO);
	assert_string_equal(shown(), "one two|");
}

static void test_edit_undo_after_many_changes(void **state)
{
	(void)state;
	for (int i = 0; i < 3 * EDIT_UNDO_MAX; i++) {
		type("x ");
		DO(EDIT_BACKSPACE, EDIT_BACKSPACE);
	}
	while (edit_do(e, EDIT_UNDO))
		;
	while (edit_do(e, EDIT_REDO))
		;
	assert_string_equal(shown(), "|");
}

static void test_edit_history_keeps_the_draft(void **state)
{
	(void)state;
	type("first");
	edit_accept(e);
	type("second");
	edit_accept(e);
	type("dra");
	DO(EDIT_ROW_UP);
	assert_string_equal(shown(), "second|");
	DO(EDIT_ROW_UP);
	assert_string_equal(shown(), "first|");
	assert_false(edit_do(e, EDIT_ROW_UP));
	DO(EDIT_ROW_DOWN, EDIT_ROW_DOWN);
	assert_string_equal(shown(), "dra|");
	assert_false(edit_do(e, EDIT_ROW_DOWN));
}

static void test_edit_history_is_bounded(void **state)
{
	char text[16];
	int n = 0;

	(void)state;
	for (int i = 0; i < EDIT_HISTORY_MAX + 20; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		edit_set(e, text);
		edit_accept(e);
		edit_set(e, text);
		edit_accept(e);		/* the same twice is kept once */
	}
	while (edit_do(e, EDIT_HISTORY_OLDER))
		n++;
	assert_int_equal(n, EDIT_HISTORY_MAX);
	assert_string_equal(edit_text(e), "m20");
}

static void test_edit_rows_keep_the_column(void **state)
{
	int row, col;

	(void)state;
	edit_set_width(e, 20);
	type("a long line\nab\nanother one");
	edit_locate(e, &row, &col);
	assert_int_equal(row, 2);
	assert_int_equal(col, 11);
	DO(EDIT_ROW_UP);
	assert_string_equal(shown(), "a long line\nab|\nanother one");
	DO(EDIT_ROW_UP);
	assert_string_equal(shown(), "a long line|\nab\nanother one");
	DO(EDIT_ROW_DOWN, EDIT_ROW_DOWN);
	assert_string_equal(shown(), "a long line\nab\nanother one|");
}

static void test_edit_rows_break_wide_characters_whole(void **state)
{
	size_t start, len;
	int row, col;

	(void)state;
	edit_set_width(e, 5);
	type("漢字漢字");		/* two to a row of five columns */
	assert_int_equal(edit_rows(e), 2);
	assert_true(edit_row(e, 1, &start, &len));
	assert_int_equal(start, 6);
	assert_int_equal(len, 6);
	edit_locate(e, &row, &col);
	assert_int_equal(row, 1);
	assert_int_equal(col, 4);
	assert_false(edit_row(e, 2, &start, &len));
}

static void test_edit_cursor_behind_a_full_row(void **state)
{
	int row, col;

	(void)state;
	edit_set_width(e, 4);
	type("abcd");
	edit_locate(e, &row, &col);
	assert_int_equal(row, 1);
	assert_int_equal(col, 0);
	assert_int_equal(edit_rows(e), 2);
	type("\n");
	edit_locate(e, &row, &col);
	assert_int_equal(row, 1);
	assert_int_equal(edit_rows(e), 2);
}

static void test_edit_transposes(void **state)
{
	(void)state;
	type("ab漢");
	DO(EDIT_TRANSPOSE);
	assert_string_equal(shown(), "a漢b|");
	DO(EDIT_TEXT_START);
	assert_false(edit_do(e, EDIT_TRANSPOSE));
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_edit_inserts_at_cursor),
		T(test_edit_moves_by_cluster),
		T(test_edit_deletes_whole_clusters),
		T(test_edit_keeps_what_others_shall_get),
		T(test_edit_refuses_more_than_maximum),
		T(test_edit_moves_by_word),
		T(test_edit_kills_in_a_row_are_one),
		T(test_edit_kills_lines),
		T(test_edit_undo_goes_by_words),
		T(test_edit_undo_after_many_changes),
		T(test_edit_history_keeps_the_draft),
		T(test_edit_history_is_bounded),
		T(test_edit_rows_keep_the_column),
		T(test_edit_rows_break_wide_characters_whole),
		T(test_edit_cursor_behind_a_full_row),
		T(test_edit_transposes),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
