#include "view.h"

#include <locale.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "buf.h"
#include "model_json.h"

#define ANN "annannannannannannannannannannan"
#define DAY 86400000LL

static struct model m;
static struct chat *c;
static struct surface s;

static void add(int n, bool outgoing, int64_t at, const char *text)
{
	char id[MODEL_ID_LEN + 1];
	json_t *o, *page;

	snprintf(id, sizeof(id), "%032x", (unsigned)n);
	o = json_pack("{s:s, s:s, s:b, s:s, s:s, s:I}", "id", id, "chat", ANN,
		      "outgoing", outgoing, "text", text, "state",
		      outgoing ? "read" : "received", "sent_at", (json_int_t)at);
	page = json_pack("{s:[o], s:b}", "messages", o, "more", 0);
	model_take_page(c, c->n ? PAGE_AFTER : PAGE_LATEST, page);
	json_decref(page);
}

static int set_up(void **state)
{
	json_t *o = json_pack("{s:s, s:s, s:s}", "account", ANN, "name", "Ann",
			      "state", "contact");

	(void)state;
	model_init(&m);
	c = model_take_contact(&m, o);
	json_decref(o);
	surface_init(&s, false);
	return 0;
}

static int tear_down(void **state)
{
	(void)state;
	model_finish(&m);
	surface_finish(&s);
	return 0;
}

static struct chat_view view(int rows, int cols)
{
	surface_reset(&s, rows, cols);
	return (struct chat_view){ &s, { 0, 0, rows, cols }, c, 2 * DAY, "Me" };
}

static void paint_view(int rows, int cols)
{
	struct chat_view v = view(rows, cols);
	size_t bottom;
	bool at_top;
	int below;

	view_chat(&v, &bottom, &at_top, &below);
}

static void scroll(int rows, int cols, int by)
{
	struct chat_view v = view(rows, cols);

	view_chat_scroll(&v, by);
}

/* A row of the surface without trailing blanks. */
static const char *row(int n)
{
	static char out[4096];
	size_t used = 0;

	for (int col = 0; col < s.cols; col++) {
		const struct cell *cell = &s.cells[n * s.cols + col];

		memcpy(out + used, cell->text, strlen(cell->text));
		used += strlen(cell->text);
	}
	while (used > 0 && out[used - 1] == ' ')
		used--;
	out[used] = '\0';
	return out;
}

static void test_view_shows_day_time_sender_and_state(void **state)
{
	(void)state;
	add(1, false, DAY + 9 * 3600000, "hello");
	add(2, true, DAY + 10 * 3600000, "fine,\nand you?");
	paint_view(5, 60);
	assert_string_equal(row(0), "");
	assert_non_null(strstr(row(1), "─ Friday, 2 January ─"));
	assert_string_equal(row(2), " 09:00    Ann  hello");
	assert_string_equal(row(3), " 10:00 ✔✔ You  fine,");
	assert_string_equal(row(4), "               and you?");
}

static void test_view_names_a_run_once(void **state)
{
	(void)state;
	add(1, false, DAY, "one");
	add(2, false, DAY, "two");
	paint_view(3, 60);
	assert_string_equal(row(1), " 00:00    Ann  one");
	assert_string_equal(row(2), " 00:00         two");
}

static void test_view_narrow_has_a_row_for_the_sender(void **state)
{
	(void)state;
	add(1, true, DAY + 3600000, "hi there");
	paint_view(3, 20);
	assert_string_equal(row(1), "You            01:00");
	assert_string_equal(row(2), "✔✔ hi there");
}

static void test_view_scrolls_by_rows(void **state)
{
	char text[16];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		add(i, false, DAY, text);
	}
	paint_view(4, 60);
	assert_string_equal(row(3), " 00:00         m49");
	scroll(4, 60, -3);
	assert_false(c->follow);
	paint_view(4, 60);
	assert_string_equal(row(3), " 00:00         m46");
	/* beyond the beginning the first row stays at the top */
	scroll(4, 60, -1000);
	paint_view(4, 60);
	assert_non_null(strstr(row(0), "January"));
	assert_string_equal(row(3), " 00:00         m2");
	scroll(4, 60, 1000);
	assert_true(c->follow);
}

static void test_view_scrolls_within_a_long_message(void **state)
{
	char *text = xmalloc(30001);

	(void)state;
	memset(text, 'x', 30000);
	text[30000] = '\0';
	add(1, false, DAY, text);
	paint_view(4, 60);
	assert_non_null(strstr(row(3), "xx"));
	scroll(4, 60, -1000);
	paint_view(4, 60);
	assert_non_null(strstr(row(0), "January"));
	assert_non_null(strstr(row(1), "Ann  xxx"));
	free(text);
}

static void test_view_keeps_the_place_over_a_resize(void **state)
{
	char text[16];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		add(i, false, DAY, text);
	}
	scroll(10, 60, -20);
	paint_view(10, 60);
	assert_string_equal(row(9), " 00:00         m29");
	paint_view(3, 30);
	assert_string_equal(row(2), "   m29");
	paint_view(20, 100);
	assert_string_equal(row(19), " 00:00         m29");
}

static void test_view_shows_the_first_unread_at_the_top(void **state)
{
	struct chat_view v;
	char text[16];

	(void)state;
	for (int i = 0; i < 50; i++) {
		snprintf(text, sizeof(text), "m%d", i);
		add(i, false, DAY, text);
	}
	memcpy(c->first_unread, c->messages[20]->id, sizeof(c->first_unread));
	v = view(5, 60);
	view_chat_show_unread(&v);
	paint_view(5, 60);
	assert_non_null(strstr(row(0), "─ new ─"));
	assert_string_equal(row(1), " 00:00         m20");
}

static void test_view_survives_every_size(void **state)
{
	(void)state;
	add(1, false, DAY, "漢字かな交じり文 \U0001F468\u200D\U0001F469\u200D\U0001F467 "
	    "e\u0301e\u0301 a very long line of text that has to be broken");
	add(2, true, DAY * 2, "x");
	memcpy(c->first_unread, c->messages[1]->id, sizeof(c->first_unread));
	for (int rows = 1; rows < 12; rows++)
		for (int cols = 1; cols < 70; cols++) {
			scroll(rows, cols, -1);
			paint_view(rows, cols);
			scroll(rows, cols, 2);
			paint_view(rows, cols);
		}
}

static void test_draw_never_leaves_half_a_wide_character(void **state)
{
	(void)state;
	surface_reset(&s, 1, 6);
	draw_text(&s, 0, 0, 6, STYLE_NORMAL, "漢字仮");
	draw_text(&s, 0, 1, 1, STYLE_NORMAL, "a");
	assert_string_equal(row(0), " a字仮");
	draw_text(&s, 0, 2, 1, STYLE_NORMAL, "b");
	assert_string_equal(row(0), " ab 仮");
	draw_text(&s, 0, 3, 2, STYLE_NORMAL, "漢");
	assert_string_equal(row(0), " ab漢");
	assert_int_equal(draw_text(&s, 0, 5, 9, STYLE_NORMAL, "漢"), 0);
}

static void test_draw_fits_with_an_ellipsis(void **state)
{
	(void)state;
	surface_reset(&s, 1, 8);
	assert_int_equal(draw_fit(&s, 0, 0, 8, STYLE_NORMAL, "漢字漢字漢"), 7);
	assert_string_equal(row(0), "漢字漢…");
	surface_reset(&s, 1, 8);
	draw_fit(&s, 0, 0, 8, STYLE_NORMAL, "12345678");
	assert_string_equal(row(0), "12345678");
}

int main(void)
{
#define T(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		T(test_view_shows_day_time_sender_and_state),
		T(test_view_names_a_run_once),
		T(test_view_narrow_has_a_row_for_the_sender),
		T(test_view_scrolls_by_rows),
		T(test_view_scrolls_within_a_long_message),
		T(test_view_keeps_the_place_over_a_resize),
		T(test_view_shows_the_first_unread_at_the_top),
		T(test_view_survives_every_size),
		T(test_draw_never_leaves_half_a_wide_character),
		T(test_draw_fits_with_an_ellipsis),
	};

	setenv("TZ", "UTC", 1);
	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
