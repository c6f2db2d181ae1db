#include "view.h"

#include <time.h>

#include "text.h"

static struct tm local(int64_t at_ms)
{
	time_t t = (time_t)(at_ms / 1000);
	struct tm tm = { 0 };

	localtime_r(&t, &tm);
	return tm;
}

void view_clock(char out[static 16], int64_t at_ms)
{
	struct tm tm = local(at_ms);

	snprintf(out, 16, "%02u:%02u", (unsigned)tm.tm_hour % 100,
		 (unsigned)tm.tm_min % 100);
}

bool view_same_day(int64_t a_ms, int64_t b_ms)
{
	struct tm a = local(a_ms), b = local(b_ms);

	return a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
}

void view_day(char out[static 64], int64_t at_ms, int64_t now_ms)
{
	struct tm tm = local(at_ms), now = local(now_ms);

	if (tm.tm_year == now.tm_year)
		strftime(out, 64, "%A, %-d %B", &tm);
	else
		strftime(out, 64, "%A, %-d %B %Y", &tm);
}

void view_moment(char out[static 32], int64_t at_ms)
{
	struct tm tm = local(at_ms);

	strftime(out, 32, "%-d %b %H:%M", &tm);
}

enum glyph view_state_glyph(enum message_state s, enum style *style)
{
	*style = STYLE_DIM;
	switch (s) {
	case MESSAGE_SENT:
		return GLYPH_SENT;
	case MESSAGE_DELIVERED:
		return GLYPH_DELIVERED;
	case MESSAGE_READ:
		*style = STYLE_READ;
		return GLYPH_READ;
	case MESSAGE_FAILED:
	case MESSAGE_EXPIRED:
		*style = STYLE_BAD;
		return GLYPH_FAILED;
	default:
		return GLYPH_QUEUED;
	}
}

/* When: the time of today, the weekday of this week, else the date. */
static void when(char out[static 16], int64_t at, int64_t now)
{
	struct tm tm = local(at);

	if (at == 0)
		out[0] = '\0';
	else if (view_same_day(at, now))
		view_clock(out, at);
	else if (now - at < 6 * 86400000LL)
		strftime(out, 16, "%a", &tm);
	else
		strftime(out, 16, "%-d %b", &tm);
}

static void paint_name(struct surface *s, int row, int col, int cols,
		       const struct chat *c, bool is_open, int64_t now)
{
	char time[16];
	int width, used;

	when(time, c->last_at, now);
	width = (int)strlen(time);
	if (width + 8 > cols)
		width = 0;
	used = draw_fit(s, row, col, cols - (width ? width + 1 : 0),
			is_open || c->unread ? STYLE_BOLD : STYLE_NORMAL, c->name);
	if (c->verified && used + 2 + width < cols)
		draw_glyph(s, row, col + used + 1, 1, STYLE_GOOD, GLYPH_VERIFIED);
	draw_text(s, row, col + cols - width, width, STYLE_DIM, time);
}

static void paint_badge(struct surface *s, int row, int right, unsigned unread,
			int *used)
{
	char text[16];
	int width;

	*used = 0;
	if (unread == 0)
		return;
	snprintf(text, sizeof(text), unread > 999 ? " 999+ " : " %u ", unread);
	width = (int)strlen(text);
	draw_text(s, row, right - width, width, STYLE_BADGE, text);
	*used = width + 1;
}

static void paint_preview(struct surface *s, int row, int col, int cols,
			  const struct chat *c)
{
	enum style st = STYLE_DIM;
	int used;

	paint_badge(s, row, col + cols, c->unread, &used);
	cols -= used;
	if (c->alert) {
		draw_format(s, row, col, cols, STYLE_BAD, "! %s", c->alert);
	} else if (c->state == CHAT_REQUEST) {
		draw_fit(s, row, col, cols, STYLE_WARN, "wants to talk");
	} else if (c->state == CHAT_BLOCKED) {
		draw_fit(s, row, col, cols, STYLE_DIM, "blocked");
	} else if (c->preview[0] == '\0') {
		draw_fit(s, row, col, cols, STYLE_DIM, "no messages yet");
	} else {
		if (c->preview_own) {
			enum glyph g = view_state_glyph(c->preview_state, &st);

			used = draw_glyph(s, row, col, cols, st, g) + 1;
			col += used;
			cols -= used;
		}
		draw_fit(s, row, col, cols, STYLE_DIM, c->preview);
	}
}

void view_list(struct surface *s, struct rect r, const struct model *m,
	       const struct chat *open, int *top, int64_t now_ms)
{
	int each = r.rows >= 8 ? 2 : 1, fit = r.rows / each, used;
	int at = open ? model_index(m, open) : 0, col = r.col + 1, cols = r.cols - 2;

	if (*top > (int)m->n - fit)
		*top = (int)m->n - fit;
	if (at < *top)
		*top = at;
	if (at >= *top + fit)
		*top = at - fit + 1;
	if (*top < 0)
		*top = 0;
	if (m->n == 0)
		draw_fit(s, r.row, col, cols, STYLE_DIM, "nobody yet");
	for (int i = 0; i < fit && *top + i < (int)m->n; i++) {
		const struct chat *c = m->chats[*top + i];
		int row = r.row + i * each;

		if (c == open)
			for (int k = 0; k < each; k++)
				draw_glyph(s, row + k, r.col, 1, STYLE_ACCENT,
					   GLYPH_BAR);
		if (each == 2) {
			paint_name(s, row, col, cols, c, c == open, now_ms);
			paint_preview(s, row + 1, col, cols, c);
		} else {
			paint_badge(s, row, col + cols, c->unread, &used);
			paint_name(s, row, col, cols - used, c, c == open, now_ms);
		}
	}
	/* that there is more, at the edges */
	if (*top > 0)
		draw_glyph(s, r.row, r.col + r.cols - 1, 1, STYLE_ACCENT, GLYPH_UP);
	if (*top + fit < (int)m->n)
		draw_glyph(s, r.row + r.rows - 1, r.col + r.cols - 1, 1,
			   STYLE_ACCENT, GLYPH_DOWN);
}
