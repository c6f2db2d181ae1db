#include "paint.h"

#include "first_run.h"
#include "overlay.h"
#include "talk.h"
#include "text.h"
#include "unlock.h"
#include "view.h"

struct layout {
	struct rect list, messages, edit;
	int title, rule, status;	/* rows; -1: not there */
	int col, cols;			/* of the conversation */
	bool has_list;
};

static int list_cols(int cols)
{
	int n = cols / 4;

	return n < 22 ? 22 : n > 36 ? 36 : n;
}

static struct layout lay_out(struct app *a)
{
	int rows = a->surface.rows, cols = a->surface.cols, edit_max, top;
	struct layout l = { .title = -1 };

	l.has_list = cols >= SIDEBAR_MIN_COLS && rows >= 8;
	l.col = l.has_list ? list_cols(cols) + 1 : 0;
	l.cols = cols - l.col;
	edit_set_width(a->edit, l.cols - 3);
	edit_max = rows >= 12 ? rows / 3 : rows >= 6 ? 2 : 1;
	l.edit.rows = edit_rows(a->edit);
	if (l.edit.rows > edit_max)
		l.edit.rows = edit_max;
	l.status = rows - 1;
	l.edit.row = l.status - l.edit.rows;
	l.edit.col = l.col;
	l.edit.cols = l.cols;
	l.rule = l.edit.row - 1;
	top = 0;
	if (rows >= 8) {
		l.title = 0;
		top = rows >= 14 ? 2 : 1;
	}
	l.messages = (struct rect){ top, l.col, l.rule - top, l.cols };
	l.list = (struct rect){ top, 0, l.status - top, l.col - 1 };
	return l;
}

static struct chat_view view_of(struct app *a, const struct layout *l)
{
	return (struct chat_view){ &a->surface, l->messages, a->open, a->wall,
				   a->model.name };
}

static void scroll(struct app *a, const struct layout *l, int rows)
{
	struct chat_view v = view_of(a, l);
	size_t bottom;
	bool at_top;
	int below, moved;

	a->scroll_owed = 0;
	if (a->open == NULL || a->open->n == 0)
		return;
	moved = view_chat_scroll(&v, rows);
	if (moved > rows && a->open->more_before)
		a->scroll_owed = moved - rows;
	view_chat(&v, &bottom, &at_top, &below);
	if (at_top && rows < 0)
		talk_need_page(a, true);
	if (below == 0 && rows > 0)
		talk_need_page(a, false);
}

void paint_scroll(struct app *a, int rows)
{
	struct layout l = lay_out(a);

	scroll(a, &l, rows);
	a->dirty = true;
}

/* What there is to know of a conversation beside its name. */
static void paint_standing(struct surface *s, int col, int cols, const struct chat *c)
{
	int used;

	if (c->alert) {
		draw_fit(s, 0, col, cols, STYLE_BAD, strcmp(c->alert, "fork") == 0 ?
			 "two device lists: sending has stopped" :
			 "an old device list: sending has stopped");
	} else if (c->state == CHAT_BLOCKED) {
		draw_fit(s, 0, col, cols, STYLE_DIM, "blocked");
	} else if (c->state == CHAT_REQUEST) {
		draw_fit(s, 0, col, cols, STYLE_WARN, "wants to talk");
	} else if (c->verified) {
		used = draw_glyph(s, 0, col, 1, STYLE_GOOD, GLYPH_VERIFIED) + 1;
		draw_fit(s, 0, col + used, cols - used, STYLE_DIM, "verified");
	}
}

static void paint_title(struct app *a, const struct layout *l)
{
	struct surface *s = &a->surface;
	const struct chat *c = a->open;
	const char *own = a->model.name && *a->model.name ? a->model.name : "sotto";
	int col = l->col + 1, cols = l->cols - 2, used;

	if (l->has_list) {
		draw_fit(s, 0, 1, l->col - 3, STYLE_BOLD, own);
		draw_vline(s, 0, l->col - 1, l->status, STYLE_BORDER);
	}
	if (c == NULL) {
		draw_fit(s, 0, col, cols, STYLE_DIM, "no conversation");
	} else {
		used = draw_fit(s, 0, col, cols - 12 > 8 ? cols - 12 : cols,
				style_for_account(c->account), c->name) + 2;
		paint_standing(s, col + used, cols - used, c);
	}
	if (l->messages.row == 2)
		draw_hline(s, 1, 0, s->cols, STYLE_BORDER);
	if (l->messages.row == 2 && l->has_list && !s->ascii)
		draw_text(s, 1, l->col - 1, 1, STYLE_BORDER, "┼");
}

/* The line between messages and editor tells what goes on. */
static void paint_rule(struct app *a, const struct layout *l, int below)
{
	struct surface *s = &a->surface;
	const struct chat *c = a->open;
	int col = l->col + 2, right = l->col + l->cols - 1;
	char text[64];

	if (l->rule < 0)
		return;
	draw_hline(s, l->rule, l->col, l->cols, STYLE_BORDER);
	if (l->has_list && !s->ascii)
		draw_text(s, l->rule, l->col - 1, 1, STYLE_BORDER, "├");
	if (below > 0 || (c && c->more_after)) {
		snprintf(text, sizeof(text), c->more_after ? " %s more " : " %s %d more ",
			 glyph_text(s, GLYPH_DOWN), below);
		right -= text_width(text, strlen(text));
		draw_text(s, l->rule, right, l->cols, STYLE_WARN, text);
	}
	if (c && c->typing_until > a->now)
		draw_format(s, l->rule, col, right - col - 1, STYLE_ACCENT,
			    l->title < 0 || l->cols >= 30 ? " %.60s is typing " :
			    " %.60s ", c->name);
	else if (l->title < 0 && c)
		draw_format(s, l->rule, col, right - col - 1, STYLE_BOLD, " %.60s ",
			    c->name);
}

static void paint_edit(struct app *a, const struct layout *l)
{
	struct surface *s = &a->surface;
	const char *text = edit_text(a->edit);
	int row, col, top = 0;
	size_t start, len;

	edit_locate(a->edit, &row, &col);
	if (row >= l->edit.rows)
		top = row - l->edit.rows + 1;
	draw_glyph(s, l->edit.row, l->col, 1, STYLE_ACCENT, GLYPH_PROMPT);
	if (top > 0)
		draw_glyph(s, l->edit.row, l->col, 1, STYLE_ACCENT, GLYPH_UP);
	for (int i = 0; i < l->edit.rows; i++)
		if (edit_row(a->edit, top + i, &start, &len))
			draw_bytes(s, l->edit.row + i, l->col + 2, l->cols - 2,
				   STYLE_NORMAL, text + start, len);
	if (edit_len(a->edit) == 0 && l->cols >= 30) {
		if (a->open && a->open->state == CHAT_REQUEST)
			draw_fit(s, l->edit.row, l->col + 3, l->cols - 3, STYLE_DIM,
				 "answer or Alt-Y accepts, Alt-N declines, Alt-B blocks");
		else
			draw_fit(s, l->edit.row, l->col + 3, l->cols - 3, STYLE_DIM,
				 a->open ? "write a message" : "/add LINK adds somebody");
	}
	s->cursor_row = l->edit.row + row - top;
	s->cursor_col = l->col + 2 + col;
}

/* The connection in words; how good it is in *style. */
static void connection_text(const struct app *a, char *text, size_t size, enum style *style,
		      enum glyph *g)
{
	const struct connection *k = &a->connection;
	const char *error = k->error ? k->error : "";
	int64_t left = (k->retry_at - a->wall + 999) / 1000;

	*style = STYLE_WARN;
	*g = GLYPH_RING;
	if (a->agent_why) {
		*style = STYLE_BAD;
		snprintf(text, size, "no agent: %s", a->agent_why);
	} else if (a->agent_lost) {
		snprintf(text, size, "the agent has gone; starting it");
	} else if (k->state == CONNECTION_ONLINE) {
		*style = STYLE_GOOD;
		*g = GLYPH_DOT;
		snprintf(text, size, "%s", k->behind ? "online, fetching mail" : "online");
	} else if (k->state == CONNECTION_CONNECTING) {
		snprintf(text, size, "connecting");
	} else if (k->state == CONNECTION_WAITING && left > 0) {
		snprintf(text, size, "offline, next try in %lld s%s%s", (long long)left,
			 *error ? ": " : "", error);
	} else if (k->state == CONNECTION_UNKNOWN) {
		*style = STYLE_DIM;
		snprintf(text, size, "starting");
	} else {
		snprintf(text, size, "offline%s%s", *error ? ": " : "", error);
	}
}

static void paint_status(struct app *a, const struct layout *l)
{
	struct surface *s = &a->surface;
	unsigned unread = model_unread(&a->model);
	char text[600], right[64] = "";
	enum style st;
	enum glyph g;
	int used = 1, width;

	if (a->open)
		unread -= a->open->unread;
	if (unread > 0)
		snprintf(right, sizeof(right), " %u unread ", unread);
	width = text_width(right, strlen(right));
	if (width > s->cols / 2)
		width = 0;
	draw_text(s, l->status, s->cols - width, width, STYLE_BADGE, right);
	if (s->cols >= 50) {
		snprintf(right, sizeof(right), s->cols >= 76 ?
			 "F1 help  Ctrl-T go to " : "F1 help ");
		width += text_width(right, strlen(right));
		draw_text(s, l->status, s->cols - width, width, STYLE_DIM, right);
	}
	connection_text(a, text, sizeof(text), &st, &g);
	used += draw_glyph(s, l->status, used, 1, st, g) + 1;
	if (a->notice_until != 0 && !a->agent_lost)
		draw_fit(s, l->status, used, s->cols - width - used - 1,
			 a->notice_style, a->notice);
	else
		draw_fit(s, l->status, used, s->cols - width - used - 1,
			 st == STYLE_GOOD ? STYLE_DIM : st, text);
}

static void paint_empty(struct app *a, const struct layout *l)
{
	struct surface *s = &a->surface;
	struct rect r = l->messages;
	const struct chat *c = a->open;
	const char *text = "No conversation yet. Give out your link with /link, or add "
		"somebody by theirs with /add LINK.";
	char line[256];
	int cols = r.cols > 50 ? 44 : r.cols - 2;

	if (r.rows < 1)
		return;
	if (c && !c->loaded) {
		text = c->loading ? "" : "loading...";
	} else if (c) {
		snprintf(line, sizeof(line), c->state == CHAT_REQUEST ?
			 "%.60s wants to talk to you." :
			 "No messages with %.60s yet. Say hello: only the two of you "
			 "can read it.", c->name);
		text = line;
	}
	draw_wrapped(s, (struct rect){ r.row + (r.rows > 6 ? r.rows / 3 : 0),
		     r.col + (r.cols - cols) / 2, r.rows > 4 ? 4 : r.rows, cols },
		     STYLE_DIM, text);
}

static void paint_messages(struct app *a, const struct layout *l, int *below)
{
	struct chat_view v = view_of(a, l);
	size_t bottom;
	bool at_top;

	*below = 0;
	a->view_rows = l->messages.rows;
	if (a->open == NULL || a->open->n == 0) {
		paint_empty(a, l);
		return;
	}
	if (l->messages.rows < 1)
		return;
	if (a->scroll_owed > 0 && !a->open->loading)
		scroll(a, l, -a->scroll_owed);	/* the page has come */
	if (a->jump_unread && a->open->loaded && !a->open->loading) {
		view_chat_show_unread(&v);
		a->jump_unread = false;
	}
	view_chat(&v, &bottom, &at_top, below);
	if (at_top)
		talk_need_page(a, true);
	if (*below == 0)
		talk_need_page(a, false);
	if (!a->jump_unread)
		talk_seen(a, bottom);
}

static void paint_chat(struct app *a)
{
	struct layout l = lay_out(a);
	int below;

	paint_messages(a, &l, &below);
	if (l.title >= 0)
		paint_title(a, &l);
	if (l.has_list)
		view_list(&a->surface, l.list, &a->model, a->open, &a->list_top, a->wall);
	paint_rule(a, &l, below);
	paint_status(a, &l);
	paint_edit(a, &l);
}

static void paint_waiting(struct app *a)
{
	struct surface *s = &a->surface;
	struct rect r = draw_centre(s, 3, 60);

	draw_fit(s, r.row, r.col, r.cols, STYLE_BOLD, "sotto");
	if (a->agent_why)
		draw_format(s, r.row + 1, r.col, r.cols, STYLE_BAD, "no agent: %s",
			    a->agent_why);
	else
		draw_fit(s, r.row + 1, r.col, r.cols, STYLE_DIM, "starting the agent");
	draw_fit(s, r.row + 2, r.col, r.cols, STYLE_DIM, "Ctrl-C leaves");
}

void paint(struct app *a)
{
	int rows, cols;

	screen_size(&rows, &cols);
	surface_reset(&a->surface, rows, cols);
	if (a->mode == MODE_FIRST_RUN)
		first_run_paint(a);
	else if (a->mode == MODE_LOCKED)
		unlock_paint(a);
	else if (a->mode == MODE_CHAT)
		paint_chat(a);
	else
		paint_waiting(a);
	if (a->overlay)
		overlay_paint(a);
}
