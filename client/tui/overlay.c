#include "overlay.h"

#include "buf.h"
#include "text.h"
#include "wrap.h"

enum { PAGE_COLS = 72, LIST_COLS = 54 };

void overlay_clear(struct overlay *o)
{
	for (size_t i = 0; i < o->n; i++) {
		free(o->rows[i].text);
		free(o->rows[i].value);
	}
	o->n = 0;
}

void overlay_close(struct app *a)
{
	struct overlay *o = a->overlay;

	if (o == NULL)
		return;
	a->overlay = NULL;
	a->dirty = true;
	if (o->done)
		o->done(o);
	overlay_clear(o);
	free(o->rows);
	free(o->title);
	free(o->data);
	free(o);
}

struct overlay *overlay_open(struct app *a, const char *title, const char *hint)
{
	struct overlay *o = xcalloc(1, sizeof(*o));

	overlay_close(a);
	o->title = xstrdup(title);
	o->hint = hint;
	o->selected = -1;
	a->overlay = o;
	a->dirty = true;
	return o;
}

void overlay_add(struct overlay *o, enum style st, const char *text, const char *value)
{
	o->rows = xrealloc(o->rows, (o->n + 1) * sizeof(*o->rows));
	o->rows[o->n++] = (struct overlay_row){
		text_printable_str(text, TEXT_BLOCK), st,
		value ? xstrdup(value) : NULL,
	};
}

/* The next row that can be chosen, from `at` on in steps of by. */
static int choosable(const struct overlay *o, int at, int by)
{
	for (; at >= 0 && at < (int)o->n; at += by)
		if (o->rows[at].value)
			return at;
	return -1;
}

static void select_by(struct overlay *o, int by)
{
	int step = by < 0 ? -1 : 1;

	for (; by != 0; by -= step) {
		int to = choosable(o, o->selected + step, step);

		if (to < 0)
			break;
		o->selected = to;
	}
}

static void filter_changed(struct app *a)
{
	struct overlay *o = a->overlay;

	o->refilter(a);
	o->selected = choosable(o, 0, 1);
	if (o->selected < 0)
		o->selected = 0;
	o->top = 0;
}

void overlay_text(struct app *a, const char *text, size_t len)
{
	struct overlay *o = a->overlay;
	char *clean, *copy;
	size_t have = strlen(o->filter);

	if (o->refilter == NULL || len >= sizeof(o->filter) - have)
		return;
	copy = xmalloc(len + 1);
	memcpy(copy, text, len);
	copy[len] = '\0';
	clean = text_printable_str(copy, TEXT_LINE);
	if (have + strlen(clean) < sizeof(o->filter)) {
		memcpy(o->filter + have, clean, strlen(clean) + 1);
		filter_changed(a);
	}
	free(copy);
	free(clean);
}

static void filter_back(struct app *a)
{
	char *f = a->overlay->filter;
	size_t n = strlen(f);

	if (n == 0 || a->overlay->refilter == NULL)
		return;
	do
		f[--n] = '\0';
	while (n > 0 && ((uint8_t)f[n - 1] & 0xC0) == 0x80);
	if (n > 0 && (uint8_t)f[n - 1] >= 0xC0)
		f[n - 1] = '\0';
	filter_changed(a);
}

static void choose(struct app *a)
{
	struct overlay *o = a->overlay;
	void (*fn)(struct app *, const char *) = o->choose;
	char *value;

	if (o->selected < 0 || o->selected >= (int)o->n || !fn ||
	    !o->rows[o->selected].value) {
		overlay_close(a);
		return;
	}
	value = xstrdup(o->rows[o->selected].value);
	overlay_close(a);
	fn(a, value);
	free(value);
}

static void move(struct overlay *o, int by)
{
	if (o->selected >= 0)
		select_by(o, by);
	else
		o->top += by;	/* painting keeps it in bounds */
}

static void plain_key(struct app *a, uint32_t ch)
{
	struct overlay *o = a->overlay;
	int page = a->surface.rows > 8 ? a->surface.rows - 6 : 3;

	switch (ch) {
	case '\r': case '\n':
		choose(a);
		return;
	case 27: case 3: case 7:
		overlay_close(a);
		return;
	case 14:
		move(o, 1);
		return;
	case 16:
		move(o, -1);
		return;
	}
	if (o->refilter)
		return;
	if (ch == 'q')
		overlay_close(a);
	else if (ch == 'j')
		move(o, 1);
	else if (ch == 'k')
		move(o, -1);
	else if (ch == ' ')
		move(o, page);
}

void overlay_key(struct app *a, const struct key *k)
{
	struct overlay *o = a->overlay;
	int page = a->surface.rows > 8 ? a->surface.rows - 6 : 3;

	a->dirty = true;
	if (o->key && o->key(a, k))
		return;
	switch (k->code) {
	case KEY_CODE_UP:
		move(o, -1);
		break;
	case KEY_CODE_DOWN:
		move(o, 1);
		break;
	case KEY_CODE_PAGE_UP:
		move(o, -page);
		break;
	case KEY_CODE_PAGE_DOWN:
		move(o, page);
		break;
	case KEY_CODE_HOME:
		move(o, -(int)o->n);
		break;
	case KEY_CODE_END:
		move(o, 10000);
		break;
	case KEY_CODE_BACKSPACE:
		filter_back(a);
		break;
	case KEY_CODE_F1: case KEY_CODE_F2:
		overlay_close(a);
		break;
	case KEY_CODE_CHAR:
		plain_key(a, k->ch);
		break;
	default:
		break;
	}
}

/* Painting. */

static int content_rows(const struct overlay *o, int cols)
{
	int n = 0;

	if (o->selected >= 0)
		return (int)o->n;
	for (size_t i = 0; i < o->n; i++)
		n += wrap_count(o->rows[i].text, strlen(o->rows[i].text), cols);
	return n;
}

static void paint_list(const struct overlay *o, struct surface *s, struct rect r)
{
	for (int i = 0; i < r.rows && o->top + i < (int)o->n; i++) {
		const struct overlay_row *row = &o->rows[o->top + i];
		bool selected = o->top + i == o->selected && row->value;

		if (selected)
			draw_glyph(s, r.row + i, r.col, 1, STYLE_ACCENT, GLYPH_BAR);
		draw_fit(s, r.row + i, r.col + 2, r.cols - 2,
			 selected ? STYLE_BOLD : row->style, row->text);
	}
}

static void paint_text(const struct overlay *o, struct surface *s, struct rect r)
{
	int k = 0;
	size_t start, len;
	struct wrap w;

	for (size_t i = 0; i < o->n; i++) {
		const char *text = o->rows[i].text;

		wrap_init(&w, text, strlen(text), r.cols);
		for (; wrap_next(&w, &start, &len); k++)
			if (k >= o->top && k < o->top + r.rows)
				draw_bytes(s, r.row + k - o->top, r.col, r.cols,
					   o->rows[i].style, text + start, len);
	}
}

static void keep_bounds(struct overlay *o, int total, int rows)
{
	if (o->selected >= 0) {
		if (o->selected < o->top)
			o->top = o->selected;
		if (o->selected >= o->top + rows)
			o->top = o->selected - rows + 1;
	}
	if (o->top > total - rows)
		o->top = total - rows;
	if (o->top < 0)
		o->top = 0;
}

/* The room for the page: a frame as high as its content, or all of a small screen. */
static struct rect open_room(struct app *a, struct overlay *o)
{
	struct surface *s = &a->surface;
	struct rect all = { 0, 0, s->rows, s->cols };
	int cols = o->refilter || o->yes ? LIST_COLS : PAGE_COLS, rows;

	if (cols > s->cols - 4)
		cols = s->cols - 4;

	if (o->wide || s->rows < 10 || s->cols < 40) {
		draw_clear(s, all, STYLE_NORMAL);
		draw_fit(s, 0, 0, s->cols, STYLE_BOLD, o->title);
		all.row++;
		all.rows -= 2;
		return all;
	}
	rows = content_rows(o, cols - 4) + (o->refilter ? 2 : 0) + 4;
	if (o->refilter && rows < 14)
		rows = 14;
	if (rows > s->rows - 2)
		rows = s->rows - 2;
	all = draw_box(s, draw_centre(s, rows, cols), o->title);
	all.rows -= 1;
	return all;
}

static void paint_filter(struct app *a, struct rect *r)
{
	struct surface *s = &a->surface;
	int used = draw_glyph(s, r->row, r->col, 1, STYLE_ACCENT, GLYPH_PROMPT) + 1;

	used += draw_fit(s, r->row, r->col + used, r->cols - used - 1, STYLE_NORMAL,
			 a->overlay->filter);
	s->cursor_row = r->row;
	s->cursor_col = r->col + used;
	r->row += 2;
	r->rows -= 2;
	if (s->rows < 10) {
		r->row--;
		r->rows++;
	}
}

void overlay_paint(struct app *a)
{
	struct overlay *o = a->overlay;
	struct surface *s = &a->surface;
	struct rect r;
	int total, hint;

	s->cursor_row = -1;
	r = open_room(a, o);
	hint = r.row + r.rows;
	/* a page without a frame covers the line of notices */
	if (a->notice_until != 0 && hint == s->rows - 1)
		draw_fit(s, hint, r.col, r.cols, a->notice_style, a->notice);
	else
		draw_fit(s, hint, r.col, r.cols, STYLE_DIM, o->hint);
	if (o->refilter)
		paint_filter(a, &r);
	if (r.rows < 1)
		return;
	total = content_rows(o, r.cols);
	keep_bounds(o, total, r.rows);
	if (o->selected >= 0)
		paint_list(o, s, r);
	else
		paint_text(o, s, r);
	if (o->top > 0)
		draw_glyph(s, r.row, r.col + r.cols - 1, 1, STYLE_ACCENT, GLYPH_UP);
	if (o->top + r.rows < total)
		draw_glyph(s, r.row + r.rows - 1, r.col + r.cols - 1, 1,
			   STYLE_ACCENT, GLYPH_DOWN);
	if (o->extra && total < r.rows)
		o->extra(a, r, r.row + total);
}
