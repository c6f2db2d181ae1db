/* A line editor: text, cursor, history, kill ring and undo. Keys and screen are
 * the caller's; the cursor moves by grapheme cluster. */
#ifndef SOTTO_EDIT_H
#define SOTTO_EDIT_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum { EDIT_HISTORY_MAX = 100, EDIT_UNDO_MAX = 64, EDIT_KILLS_MAX = 8 };

enum edit_op {
	EDIT_LEFT, EDIT_RIGHT, EDIT_WORD_LEFT, EDIT_WORD_RIGHT,
	EDIT_LINE_START, EDIT_LINE_END, EDIT_TEXT_START, EDIT_TEXT_END,
	EDIT_ROW_UP, EDIT_ROW_DOWN,	/* rows as drawn; then history */
	EDIT_BACKSPACE, EDIT_DELETE,
	EDIT_KILL_WORD_LEFT, EDIT_KILL_WORD_RIGHT,
	EDIT_KILL_LINE_START, EDIT_KILL_LINE_END, EDIT_KILL_ALL,
	EDIT_YANK, EDIT_YANK_POP,
	EDIT_TRANSPOSE, EDIT_UNDO, EDIT_REDO,
	EDIT_HISTORY_OLDER, EDIT_HISTORY_NEWER,
};

struct edit;

/* max: bytes of text; at least 1. */
struct edit *edit_create(size_t max) must_check;
void edit_destroy(struct edit *e);	/* takes NULL */

/* NUL-terminated UTF-8; valid until the next change. */
const char *edit_text(const struct edit *e);
size_t edit_len(const struct edit *e);
size_t edit_cursor(const struct edit *e);	/* byte offset */

/* Inserts at the cursor. Text of any origin: control and invisible
 * characters are left out.
 * ERR_TOO_BIG when it does not fit; then nothing is inserted. */
int edit_insert(struct edit *e, const char *text, size_t len) must_check;
/* Whether something changed. */
bool edit_do(struct edit *e, enum edit_op op);
/* Replaces all, cursor at its end; forgets undo. Too long a text is cut. */
void edit_set(struct edit *e, const char *text);
/* Puts the text into the history and empties the editor. */
void edit_accept(struct edit *e);

/* As drawn: rows of at most width columns, broken between clusters. width >= 2.
 * Moves up and down go by the width that was set last. */
void edit_set_width(struct edit *e, int width);
/* The cursor may stand on an empty row of its own behind a full one; edit_rows
 * counts it, edit_row does not know it. */
int edit_rows(const struct edit *e);
void edit_locate(const struct edit *e, int *row, int *col);	/* of the cursor */
/* The bytes of one row; false beyond the last. */
bool edit_row(const struct edit *e, int row, size_t *start, size_t *len);

#endif
