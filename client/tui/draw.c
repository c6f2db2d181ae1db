#include "draw.h"

#include <stdarg.h>

#include "buf.h"
#include "text.h"
#include "wrap.h"

static const struct {
	const char *utf8, *ascii;
} glyphs[GLYPH_COUNT] = {
	[GLYPH_HLINE] = { "─", "-" },
	[GLYPH_VLINE] = { "│", "|" },
	[GLYPH_BAR] = { "▌", ">" },
	[GLYPH_ELLIPSIS] = { "…", "~" },
	[GLYPH_PROMPT] = { "›", ">" },
	[GLYPH_DOT] = { "●", "*" },
	[GLYPH_RING] = { "○", "o" },
	[GLYPH_UP] = { "↑", "^" },
	[GLYPH_DOWN] = { "↓", "v" },
	[GLYPH_QUEUED] = { "◌", "." },
	[GLYPH_SENT] = { "✓", "v" },
	[GLYPH_DELIVERED] = { "✓✓", "vv" },
	[GLYPH_READ] = { "✔✔", "VV" },
	[GLYPH_FAILED] = { "✗", "!" },
	[GLYPH_VERIFIED] = { "✓", "+" },
};

void surface_init(struct surface *s, bool ascii)
{
	*s = (struct surface){ .cursor_row = -1, .ascii = ascii };
}

void surface_finish(struct surface *s)
{
	free(s->cells);
	surface_init(s, s->ascii);
}

void surface_reset(struct surface *s, int rows, int cols)
{
	if (rows != s->rows || cols != s->cols || s->cells == NULL) {
		s->cells = xrealloc(s->cells,
				    (size_t)rows * (size_t)cols * sizeof(*s->cells));
		s->rows = rows;
		s->cols = cols;
	}
	s->cursor_row = s->cursor_col = -1;
	draw_clear(s, (struct rect){ 0, 0, rows, cols }, STYLE_NORMAL);
}

static struct cell *cell_at(struct surface *s, int row, int col)
{
	return &s->cells[row * s->cols + col];
}

static void blank(struct cell *c, enum style style)
{
	c->text[0] = ' ';
	c->text[1] = '\0';
	c->width = 1;
	c->style = (uint8_t)style;
}

/* Whoever overwrites half of a wide character takes the other half with it. */
static void cut_wide(struct surface *s, int row, int col)
{
	struct cell *c = cell_at(s, row, col);

	if (c->width == 0 && col > 0)
		blank(cell_at(s, row, col - 1), cell_at(s, row, col - 1)->style);
	if (c->width == 2 && col + 1 < s->cols)
		blank(cell_at(s, row, col + 1), c->style);
}

static void put(struct surface *s, int row, int col, enum style style,
		const char *text, size_t len, int width)
{
	struct cell *c = cell_at(s, row, col);

	cut_wide(s, row, col);
	if (width == 2)
		cut_wide(s, row, col + 1);
	if (len > CELL_TEXT) {
		len = CELL_TEXT;
		while (len > 0 && ((uint8_t)text[len] & 0xC0) == 0x80)
			len--;
	}
	memcpy(c->text, text, len);
	c->text[len] = '\0';
	c->width = (uint8_t)width;
	c->style = (uint8_t)style;
	if (width == 2) {
		c[1].text[0] = '\0';
		c[1].width = 0;
		c[1].style = (uint8_t)style;
	}
}

static size_t code_point(const char *s, size_t len)
{
	size_t n = 1;

	while (n < len && ((uint8_t)s[n] & 0xC0) == 0x80)
		n++;
	return n;
}

static bool is_zwj(const char *s, size_t n)
{
	return n == 3 && memcmp(s, "\xE2\x80\x8D", 3) == 0;
}

/* Puts a cluster of the given width. ncurses holds one spacing character and
 * marks in a cell, so the parts of a joined emoji become cells of their own, as
 * text_cluster counted them; a part beyond the cluster's width is left out. */
static void put_cluster(struct surface *s, int row, int col, enum style style,
			const char *text, size_t len, int width)
{
	int used = 0;
	size_t at = 0;

	while (at < len && used < width) {
		size_t n = code_point(text + at, len - at), part = n, skip;
		int w = text_width(text + at, n);

		while (at + n < len) {	/* the marks that follow */
			skip = code_point(text + at + n, len - at - n);
			if (is_zwj(text + at + n, skip)) {
				n += skip;
				break;
			}
			if (text_width(text + at + n, skip) > 0)
				break;
			n += skip;
			part = n;
		}
		/* a cluster of one part has the cluster's width */
		if (at == 0 && n == len)
			w = width;
		if (w < 1)
			w = 1;
		if (w > 2)
			w = 2;
		if (used + w > width)
			break;
		put(s, row, col + used, style, text + at, part, w);
		used += w;
		at += n;
	}
	while (used < width)
		put(s, row, col + used++, style, " ", 1, 1);
}

int draw_bytes(struct surface *s, int row, int col, int width, enum style style,
	       const char *text, size_t len)
{
	int used = 0;

	if (row < 0 || row >= s->rows || col < 0)
		return 0;
	if (width > s->cols - col)
		width = s->cols - col;
	while (len > 0) {
		size_t n;
		int w = text_cluster(text, len, &n);

		if (used + w > width)
			break;
		if (w > 0)
			put_cluster(s, row, col + used, style, text, n, w);
		used += w;
		text += n;
		len -= n;
	}
	return used;
}

int draw_text(struct surface *s, int row, int col, int width, enum style style,
	      const char *text)
{
	return draw_bytes(s, row, col, width, style, text, strlen(text));
}

int draw_fit(struct surface *s, int row, int col, int width, enum style style,
	     const char *text)
{
	int used;

	if (text_width(text, strlen(text)) <= width)
		return draw_text(s, row, col, width, style, text);
	if (width < 1)
		return 0;
	used = draw_text(s, row, col, width - 1, style, text);
	return used + draw_glyph(s, row, col + used, 1, style, GLYPH_ELLIPSIS);
}

int draw_wrapped(struct surface *s, struct rect r, enum style style, const char *text)
{
	size_t start, len;
	struct wrap w;
	int n = 0;

	wrap_init(&w, text, strlen(text), r.cols);
	for (; n < r.rows && wrap_next(&w, &start, &len); n++)
		draw_bytes(s, r.row + n, r.col, r.cols, style, text + start, len);
	return n;
}

void draw_field(struct surface *s, int row, int col, int width, const char *text,
		size_t cursor)
{
	size_t from = 0, n;

	while (from < cursor && text_width(text + from, cursor - from) >= width) {
		text_cluster(text + from, cursor - from, &n);
		from += n;
	}
	draw_text(s, row, col, width, STYLE_NORMAL, text + from);
	s->cursor_row = row;
	s->cursor_col = col + text_width(text + from, cursor - from);
}

const char *glyph_text(const struct surface *s, enum glyph g)
{
	return s->ascii ? glyphs[g].ascii : glyphs[g].utf8;
}

int draw_glyph(struct surface *s, int row, int col, int width, enum style style,
	       enum glyph g)
{
	return draw_text(s, row, col, width, style, glyph_text(s, g));
}

int draw_format(struct surface *s, int row, int col, int width, enum style style,
		const char *fmt, ...)
{
	char text[256];
	size_t len;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	/* do not end within a character */
	len = strlen(text);
	if (len == sizeof(text) - 1) {
		while (len > 0 && ((uint8_t)text[len - 1] & 0xC0) == 0x80)
			len--;
		if (len > 0 && ((uint8_t)text[len - 1] & 0x80))
			len--;
		text[len] = '\0';
	}
	return draw_fit(s, row, col, width, style, text);
}

void draw_clear(struct surface *s, struct rect r, enum style style)
{
	for (int row = r.row; row < r.row + r.rows; row++)
		for (int col = r.col; col < r.col + r.cols; col++) {
			if (row < 0 || col < 0 || row >= s->rows || col >= s->cols)
				continue;
			if (r.rows != s->rows || r.cols != s->cols)
				cut_wide(s, row, col);
			blank(cell_at(s, row, col), style);
		}
}

void draw_hline(struct surface *s, int row, int col, int cols, enum style style)
{
	for (int i = 0; i < cols; i++)
		draw_glyph(s, row, col + i, 1, style, GLYPH_HLINE);
}

void draw_vline(struct surface *s, int row, int col, int rows, enum style style)
{
	for (int i = 0; i < rows; i++)
		draw_glyph(s, row + i, col, 1, style, GLYPH_VLINE);
}

struct rect draw_box(struct surface *s, struct rect r, const char *title)
{
	static const char *const corner[2][4] = {
		{ "╭", "╮", "╰", "╯" }, { "+", "+", "+", "+" },
	};
	const char *const *c = corner[s->ascii];
	int right = r.col + r.cols - 1, bottom = r.row + r.rows - 1;

	draw_clear(s, r, STYLE_NORMAL);
	/* on a tiny screen a frame would cost more than it gives */
	if (r.rows < 5 || r.cols < 24)
		return r;
	draw_hline(s, r.row, r.col + 1, r.cols - 2, STYLE_BORDER);
	draw_hline(s, bottom, r.col + 1, r.cols - 2, STYLE_BORDER);
	draw_vline(s, r.row + 1, r.col, r.rows - 2, STYLE_BORDER);
	draw_vline(s, r.row + 1, right, r.rows - 2, STYLE_BORDER);
	draw_text(s, r.row, r.col, 1, STYLE_BORDER, c[0]);
	draw_text(s, r.row, right, 1, STYLE_BORDER, c[1]);
	draw_text(s, bottom, r.col, 1, STYLE_BORDER, c[2]);
	draw_text(s, bottom, right, 1, STYLE_BORDER, c[3]);
	draw_format(s, r.row, r.col + 2, r.cols - 4, STYLE_BOLD, " %s ", title);
	return (struct rect){ r.row + 1, r.col + 2, r.rows - 2, r.cols - 4 };
}

struct rect draw_centre(const struct surface *s, int rows, int cols)
{
	if (rows > s->rows)
		rows = s->rows;
	if (cols > s->cols)
		cols = s->cols;
	return (struct rect){ (s->rows - rows) / 2, (s->cols - cols) / 2, rows, cols };
}

enum style style_for_account(const char *account)
{
	uint32_t h = 2166136261u;	/* FNV-1a */

	for (; *account; account++)
		h = (h ^ (uint8_t)*account) * 16777619u;
	return (enum style)(STYLE_NAME + h % STYLE_NAMES);
}
