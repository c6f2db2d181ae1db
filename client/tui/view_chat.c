#include "view.h"

#include "text.h"
#include "wrap.h"

enum {
	NARROW = 44, TIME_COLS = 5, GLYPH_COLS = 2,
	TEXT_COLS_MAX = 100,	/* longer rows are hard to read */
};

/* A row of a message: what it has above and below its text. */
struct shape {
	int day, fresh, head, text, why, total;
};

/* A place in the window: a row of a message. */
struct place {
	size_t index;
	int row;
};

static bool is_narrow(const struct chat_view *v)
{
	return v->r.cols < NARROW;
}

static int name_cols(const struct chat_view *v)
{
	int own = 3, other = text_width(v->c->name, strlen(v->c->name));
	int cols = other > own ? other : own, max = v->r.cols / 5;

	if (max > 16)
		max = 16;
	return cols < max ? cols : max;
}

/* The column where text begins. */
static int text_col(const struct chat_view *v)
{
	if (is_narrow(v))
		return GLYPH_COLS + 1;
	return 1 + TIME_COLS + 1 + GLYPH_COLS + 1 + name_cols(v) + 2;
}

static int text_cols(const struct chat_view *v)
{
	int cols = v->r.cols - text_col(v) - 1;

	return cols < 4 ? 4 : cols > TEXT_COLS_MAX ? TEXT_COLS_MAX : cols;
}

static bool is_marker(const struct message *m)
{
	return m->state == MESSAGE_UNDECRYPTABLE || m->state == MESSAGE_GAP;
}

/* Whether the message begins a run of one sender. */
static bool begins_run(const struct chat_view *v, size_t i)
{
	const struct message *m = v->c->messages[i], *before;

	if (i == 0)
		return true;
	before = v->c->messages[i - 1];
	return before->outgoing != m->outgoing || is_marker(before) ||
	       !view_same_day(before->at, m->at) ||
	       (is_narrow(v) && m->at - before->at > 5 * 60000);
}

static struct shape shape_of(const struct chat_view *v, size_t i)
{
	struct message *m = v->c->messages[i];
	struct shape s = { 0 };

	s.day = i == 0 ? !v->c->more_before :
		!view_same_day(v->c->messages[i - 1]->at, m->at);
	/* of a request all is new */
	s.fresh = m->id[0] && strcmp(m->id, v->c->first_unread) == 0 &&
		v->c->state != CHAT_REQUEST;
	s.head = is_narrow(v) && begins_run(v, i);
	if (m->rows_width != text_cols(v)) {
		m->rows_width = text_cols(v);
		m->rows = wrap_count(m->text, m->len, m->rows_width);
	}
	s.text = m->rows;
	s.why = m->why ? wrap_count(m->why, strlen(m->why), m->rows_width) : 0;
	s.total = s.day + s.fresh + s.head + s.text + s.why;
	return s;
}

static void paint_rule(const struct chat_view *v, int row, enum style st,
		       const char *label)
{
	int width = text_width(label, strlen(label)), col;

	draw_hline(v->s, row, v->r.col + 1, v->r.cols - 2, STYLE_BORDER);
	if (width + 6 > v->r.cols)
		width = v->r.cols - 6;
	col = v->r.col + (v->r.cols - width - 2) / 2;
	draw_text(v->s, row, col, 1, st, " ");
	draw_fit(v->s, row, col + 1, width, st, label);
	draw_text(v->s, row, col + 1 + width, 1, st, " ");
}

static void paint_sender(const struct chat_view *v, const struct message *m, int row,
			 int col, int cols)
{
	if (m->outgoing)
		draw_fit(v->s, row, col, cols, STYLE_OWN, "You");
	else
		draw_fit(v->s, row, col, cols, style_for_account(v->c->account),
			 v->c->name);
}

static void paint_head(const struct chat_view *v, const struct message *m, int row)
{
	char clock[16];
	int width = v->r.cols - TIME_COLS - 1;

	view_clock(clock, m->at);
	paint_sender(v, m, row, v->r.col, width > 0 ? width : 0);
	if (width > 3)
		draw_text(v->s, row, v->r.col + v->r.cols - TIME_COLS, TIME_COLS,
			  STYLE_DIM, clock);
}

/* What stands left of the first row of text. */
static void paint_margin(const struct chat_view *v, size_t i, int row)
{
	const struct message *m = v->c->messages[i];
	int col = v->r.col;
	enum style st;
	enum glyph g = view_state_glyph(m->state, &st);
	char clock[16];

	if (!is_narrow(v)) {
		view_clock(clock, m->at);
		draw_text(v->s, row, col + 1, TIME_COLS, STYLE_DIM, clock);
		col += 1 + TIME_COLS + 1;
	}
	if (m->outgoing)
		draw_glyph(v->s, row, col, GLYPH_COLS, st, g);
	else if (is_marker(m))
		draw_text(v->s, row, col, GLYPH_COLS, STYLE_WARN, "!");
	if (!is_narrow(v) && begins_run(v, i))
		paint_sender(v, m, row, col + GLYPH_COLS + 1, name_cols(v));
}

/* Rows from..to (excluding) of message i, the first at screen row `row`. */
static void paint_message(const struct chat_view *v, size_t i, int from, int to, int row)
{
	const struct message *m = v->c->messages[i];
	struct shape s = shape_of(v, i);
	int k = 0, left = v->r.col + text_col(v);
	size_t start, len;
	char day[64];
	struct wrap w;

	if (s.day && k++ >= from && k <= to) {
		view_day(day, m->at, v->wall);
		paint_rule(v, row + k - 1 - from, STYLE_DIM, day);
	}
	if (s.fresh && k++ >= from && k <= to)
		paint_rule(v, row + k - 1 - from, STYLE_WARN, "new");
	if (s.head && k++ >= from && k <= to)
		paint_head(v, m, row + k - 1 - from);
	if (k >= from && k < to)
		paint_margin(v, i, row + k - from);
	wrap_init(&w, m->text, m->len, text_cols(v));
	for (; wrap_next(&w, &start, &len); k++)
		if (k >= from && k < to)
			draw_bytes(v->s, row + k - from, left, text_cols(v),
				   is_marker(m) ? STYLE_WARN : STYLE_NORMAL,
				   m->text + start, len);
	if (s.why == 0)
		return;
	wrap_init(&w, m->why, strlen(m->why), text_cols(v));
	for (; wrap_next(&w, &start, &len); k++)
		if (k >= from && k < to)
			draw_bytes(v->s, row + k - from, left, text_cols(v), STYLE_BAD,
				   m->why + start, len);
}

/* Moves p by n rows, down is positive; returns how many it went. */
static int move_place(const struct chat_view *v, struct place *p, int n)
{
	int moved = 0, total;

	while (moved > n) {		/* up */
		if (p->row > 0) {
			int step = p->row < moved - n ? p->row : moved - n;

			p->row -= step;
			moved -= step;
		} else if (p->index > 0) {
			p->index--;
			p->row = shape_of(v, p->index).total - 1;
			moved--;
		} else {
			break;
		}
	}
	while (moved < n) {
		total = shape_of(v, p->index).total;
		if (p->row < total - 1) {
			int step = total - 1 - p->row;

			if (step > n - moved)
				step = n - moved;
			p->row += step;
			moved += step;
		} else if (p->index + 1 < v->c->n) {
			p->index++;
			p->row = 0;
			moved++;
		} else {
			break;
		}
	}
	return moved;
}

static struct place last_place(const struct chat_view *v)
{
	return (struct place){ v->c->n - 1, shape_of(v, v->c->n - 1).total - 1 };
}

static struct place bottom_place(const struct chat_view *v)
{
	struct place p = last_place(v);
	int total;

	if (v->c->follow || !model_find_message(v->c, v->c->anchor, &p.index))
		return last_place(v);
	total = shape_of(v, p.index).total;
	p.row = v->c->anchor_row < total ? v->c->anchor_row : total - 1;
	return p;
}

static void keep_place(const struct chat_view *v, struct place p)
{
	struct place last = last_place(v);
	struct chat *c = v->c;

	/* pending messages have no id to hold on to; they are at the end */
	while (p.index > 0 && c->messages[p.index]->id[0] == '\0')
		p.index--;
	c->follow = !c->more_after && p.index == last.index && p.row == last.row;
	memcpy(c->anchor, c->messages[p.index]->id, sizeof(c->anchor));
	c->anchor_row = p.row;
}

/* No empty rows above the beginning while there are rows below. */
static int fill(const struct chat_view *v, struct place *bottom)
{
	struct place top = *bottom;
	int missing = v->r.rows - 1 + move_place(v, &top, -(v->r.rows - 1));

	return missing > 0 ? move_place(v, bottom, missing) : 0;
}

int view_chat_scroll(const struct chat_view *v, int rows)
{
	struct place p;
	int moved;

	if (v->c->n == 0 || v->r.rows < 1)
		return 0;
	p = bottom_place(v);
	fill(v, &p);
	moved = move_place(v, &p, rows);
	moved += fill(v, &p);
	keep_place(v, p);
	return moved;
}

void view_chat_show_unread(const struct chat_view *v)
{
	struct place top, p;
	struct shape s;
	size_t i;

	if (v->c->n == 0 || !model_find_message(v->c, v->c->first_unread, &i))
		return;
	top = bottom_place(v);
	move_place(v, &top, -(v->r.rows - 1));
	if (top.index < i || (top.index == i && top.row == 0))
		return;
	/* on a tiny screen rather its text than the line above it */
	s = shape_of(v, i);
	p = (struct place){ i, 0 };
	move_place(v, &p, v->r.rows - 1);
	if (p.index == i && p.row < s.day + s.fresh + s.head)
		p.row = s.day + s.fresh + s.head;
	keep_place(v, p);
}

void view_chat(const struct chat_view *v, size_t *bottom, bool *at_top, int *below)
{
	struct place p, end;
	int row = v->r.row + v->r.rows, left = v->r.rows;

	p = bottom_place(v);
	if (v->c->centre) {
		move_place(v, &p, v->r.rows / 2);
		v->c->centre = v->c->loading;
		if (!v->c->centre)
			keep_place(v, p);
	}
	fill(v, &p);
	end = p;
	*below = move_place(v, &end, 10000);
	*bottom = p.index;
	*at_top = false;
	for (size_t i = p.index + 1; i > 0 && left > 0; i--) {
		int total = shape_of(v, i - 1).total;
		int to = i - 1 == p.index ? p.row + 1 : total;
		int from = to > left ? to - left : 0;

		row -= to - from;
		left -= to - from;
		paint_message(v, i - 1, from, to, row);
		*at_top = i == 1 && from == 0;
	}
}
