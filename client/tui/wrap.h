/* Breaking printable text into rows of a given width. */
#ifndef SOTTO_WRAP_H
#define SOTTO_WRAP_H

#include <stdbool.h>
#include <stddef.h>

struct wrap {
	const char *text;
	size_t len, at;
	int width;
	bool done;
};

/* width >= 2 (less is taken as 2). */
void wrap_init(struct wrap *w, const char *text, size_t len, int width);
/* The next row's bytes. Rows break at spaces (the ones at the break are left
 * out), after a wide character, else within a word; a newline ends a row. Empty
 * text has one empty row. */
bool wrap_next(struct wrap *w, size_t *start, size_t *len);
int wrap_count(const char *text, size_t len, int width);

#endif
