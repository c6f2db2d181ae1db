/* An abstract screen: a grid of cells that views paint and screen.c shows. No
 * curses here, so views can be tested without a terminal. */
#ifndef SOTTO_DRAW_H
#define SOTTO_DRAW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes of one cell's text: what ncurses holds in a cell, 5 code points. */
enum { CELL_TEXT = 20, STYLE_NAMES = 10 };

enum style {
	STYLE_NORMAL,
	STYLE_DIM,
	STYLE_BOLD,
	STYLE_BORDER,
	STYLE_ACCENT,		/* marks, prompts, what has the focus */
	STYLE_BADGE,		/* unread counts */
	STYLE_SELECTED,		/* the line of a list that Enter takes */
	STYLE_OWN,		/* one's own name */
	STYLE_GOOD,
	STYLE_WARN,
	STYLE_BAD,
	STYLE_READ,
	STYLE_QR,		/* black on white, whatever the theme */
	STYLE_NAME,		/* the first of STYLE_NAMES colours for people */
	STYLE_COUNT = STYLE_NAME + STYLE_NAMES,
};

enum glyph {
	GLYPH_HLINE, GLYPH_VLINE, GLYPH_BAR, GLYPH_ELLIPSIS, GLYPH_PROMPT,
	GLYPH_DOT, GLYPH_RING, GLYPH_UP, GLYPH_DOWN,
	GLYPH_QUEUED, GLYPH_SENT, GLYPH_DELIVERED, GLYPH_READ, GLYPH_FAILED,
	GLYPH_VERIFIED, GLYPH_COUNT,
};

/* width 0: the second half of the wide cell before. */
struct cell {
	char text[CELL_TEXT + 1];
	uint8_t width;
	uint8_t style;
};

struct surface {
	int rows, cols;
	struct cell *cells;
	int cursor_row, cursor_col;	/* -1: hidden */
	bool ascii;			/* glyphs for a locale without UTF-8 */
};

struct rect {
	int row, col, rows, cols;
};

void surface_init(struct surface *s, bool ascii);
void surface_finish(struct surface *s);
/* Sets the size and clears. */
void surface_reset(struct surface *s, int rows, int cols);

/* All draw functions clip at the surface, take printable text (text_printable)
 * and return the columns they used. */

/* At most width columns; a wide character that does not fit whole is left out. */
int draw_text(struct surface *s, int row, int col, int width, enum style style,
	      const char *text);
int draw_bytes(struct surface *s, int row, int col, int width, enum style style,
	       const char *text, size_t len);
/* The same with an ellipsis at the end when text does not fit. */
int draw_fit(struct surface *s, int row, int col, int width, enum style style,
	     const char *text);
/* Text in rows as wrap.h breaks it; returns the rows it took. */
int draw_wrapped(struct surface *s, struct rect r, enum style style, const char *text);
/* A line of input with the cursor at byte `cursor`, scrolled so that it is seen. */
void draw_field(struct surface *s, int row, int col, int width, const char *text,
		size_t cursor);
int draw_glyph(struct surface *s, int row, int col, int width, enum style style,
	       enum glyph g);
/* printf into draw_fit; cut at 255 bytes. */
int draw_format(struct surface *s, int row, int col, int width, enum style style,
		const char *fmt, ...) __attribute__((format(printf, 6, 7)));
void draw_clear(struct surface *s, struct rect r, enum style style);
void draw_hline(struct surface *s, int row, int col, int cols, enum style style);
void draw_vline(struct surface *s, int row, int col, int rows, enum style style);
/* An empty frame with a title on its upper edge; returns the room inside. */
struct rect draw_box(struct surface *s, struct rect r, const char *title);
/* A rectangle of at most rows x cols in the middle of the surface. */
struct rect draw_centre(const struct surface *s, int rows, int cols);

const char *glyph_text(const struct surface *s, enum glyph g);
/* Always the same colour for one account. */
enum style style_for_account(const char *account);

#endif
