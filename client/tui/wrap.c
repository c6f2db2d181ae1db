#include "wrap.h"

#include <string.h>

#include "text.h"

void wrap_init(struct wrap *w, const char *text, size_t len, int width)
{
	*w = (struct wrap){ text, len, 0, width < 2 ? 2 : width, false };
}

/* text_cluster with a short way for the common case. */
static int cluster(const char *s, size_t len, size_t *n)
{
	if (s[0] >= ' ' && s[0] < 127 &&
	    (len == 1 || (unsigned char)s[1] < 128)) {
		*n = 1;
		return 1;
	}
	return text_cluster(s, len, n);
}

/* The next row begins after the spaces, or the one newline, at `end`. */
static void break_at(struct wrap *w, size_t end)
{
	if (end < w->len && w->text[end] == '\n')
		end++;
	else
		while (end < w->len && w->text[end] == ' ')
			end++;
	w->at = end;
	w->done = end == w->len;
}

/* Closing punctuation of CJK, which does not begin a row (JIS X 4051). */
static bool is_closing(const char *s, size_t n)
{
	static const char closing[] = "、。，．！？：；」』）】〕〉》・ー々";

	for (const char *p = closing; n == 3 && *p; p += 3)
		if (memcmp(p, s, 3) == 0)
			return true;
	return false;
}

bool wrap_next(struct wrap *w, size_t *start, size_t *len)
{
	size_t at = w->at, space = 0, wide = 0, before = 0, n;
	int used = 0;

	if (w->done)
		return false;
	*start = at;
	while (at < w->len && w->text[at] != '\n') {
		int cols = cluster(w->text + at, w->len - at, &n);

		if (used + cols > w->width && w->text[at] != ' ') {
			size_t end = is_closing(w->text + at, n) ? before : wide;

			if (space > end)
				end = space;

			if (end <= *start)
				end = at > *start ? at : at + n;
			*len = end - *start;
			break_at(w, end);
			return true;
		}
		if (w->text[at] == ' ' && (at == *start || w->text[at - 1] != ' '))
			space = at;
		/* wide characters: a row may end before them and after them */
		if (cols == 2)
			before = is_closing(w->text + at, n) ? before : at;
		used += cols;
		at += n;
		if (cols == 2 && used <= w->width)
			wide = at;
	}
	/* spaces may hang over the edge; they are not drawn */
	*len = at - *start;
	if (at == w->len)
		w->done = true;
	w->at = at + 1;
	return true;
}

int wrap_count(const char *text, size_t len, int width)
{
	struct wrap w;
	size_t start, n;
	int rows = 0;

	wrap_init(&w, text, len, width);
	while (wrap_next(&w, &start, &n))
		rows++;
	return rows;
}
