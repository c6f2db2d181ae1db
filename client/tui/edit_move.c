/* The editor's cursor: clusters, words, lines and rows. */
#include "edit_int.h"
#include "text.h"

static size_t cluster(const struct edit *e, size_t at, int *width)
{
	size_t n;

	if (e->text[at] == '\n') {
		*width = 0;
		return 1;
	}
	*width = text_cluster(e->text + at, e->len - at, &n);
	return n;
}

size_t edit_next(const struct edit *e, size_t at)
{
	int width;

	return at < e->len ? at + cluster(e, at, &width) : at;
}

/* Where clusters can be counted from to find the one before `at`: nothing joins
 * across an ASCII character that itself begins a cluster. */
size_t edit_previous(const struct edit *e, size_t at)
{
	size_t from = at, to;

	if (at == 0)
		return 0;
	do
		from--;
	while (from > 0 && (unsigned char)e->text[from] >= 0x80);
	while ((to = edit_next(e, from)) < at)
		from = to;
	return from;
}

static bool is_word(const struct edit *e, size_t at)
{
	unsigned char c = (unsigned char)e->text[at];

	return c >= 0x80 || (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') ||
	       (c >= 'a' && c <= 'z') || c == '_';
}

size_t edit_word_right(const struct edit *e)
{
	size_t at = e->cursor;

	while (at < e->len && !is_word(e, at))
		at = edit_next(e, at);
	while (at < e->len && is_word(e, at))
		at = edit_next(e, at);
	return at;
}

size_t edit_word_left(const struct edit *e)
{
	size_t at = e->cursor;

	while (at > 0 && !is_word(e, edit_previous(e, at)))
		at = edit_previous(e, at);
	while (at > 0 && is_word(e, edit_previous(e, at)))
		at = edit_previous(e, at);
	return at;
}

size_t edit_line_start(const struct edit *e)
{
	size_t at = e->cursor;

	while (at > 0 && e->text[at - 1] != '\n')
		at--;
	return at;
}

size_t edit_line_end(const struct edit *e)
{
	size_t at = e->cursor;

	while (at < e->len && e->text[at] != '\n')
		at++;
	return at;
}

/* Rows. */

void edit_set_width(struct edit *e, int width)
{
	e->width = width < 2 ? 2 : width;
}

/* The end of the row that begins at `start`, and where the next begins. */
static size_t row_end(const struct edit *e, size_t start, size_t *following)
{
	size_t at = start;
	int used = 0;

	while (at < e->len && e->text[at] != '\n') {
		int w;
		size_t n = cluster(e, at, &w);

		if (used + w > e->width && at > start)
			break;
		used += w;
		at += n;
	}
	*following = at < e->len && e->text[at] == '\n' ? at + 1 : at;
	return at;
}

bool edit_row(const struct edit *e, int row, size_t *start, size_t *len)
{
	size_t at = 0, following, end;

	for (int i = 0;; i++) {
		end = row_end(e, at, &following);
		if (i == row) {
			*start = at;
			*len = end - at;
			return true;
		}
		if (end == e->len)
			return false;
		at = following;
	}
}

int edit_rows(const struct edit *e)
{
	size_t at = 0, following;
	int n = 1, row, col;

	while (row_end(e, at, &following) < e->len) {
		at = following;
		n++;
	}
	edit_locate(e, &row, &col);
	return row >= n ? row + 1 : n;
}

void edit_locate(const struct edit *e, int *row, int *col)
{
	size_t at = 0, following, end;

	*row = 0;
	for (;; ++*row) {
		end = row_end(e, at, &following);
		if (e->cursor < following || end == e->len)
			break;
		at = following;
	}
	*col = text_width(e->text + at, e->cursor - at);
	if (*col >= e->width) {		/* behind a full last row */
		*col = 0;
		++*row;
	}
}

bool edit_move_row(struct edit *e, int by)
{
	int row, col, used = 0, w;
	size_t start, len, at;

	edit_locate(e, &row, &col);
	if (e->goal < 0)
		e->goal = col;
	if (row + by < 0 || !edit_row(e, row + by, &start, &len))
		return false;
	for (at = start; at < start + len;) {
		size_t n = cluster(e, at, &w);

		if (used + w > e->goal)
			break;
		used += w;
		at += n;
	}
	e->cursor = at;
	return true;
}
