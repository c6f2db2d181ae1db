/* Peers' text made printable, once, before it reaches a terminal, a notification,
 * a file name or a log. */
#ifndef SOTTO_TEXT_H
#define SOTTO_TEXT_H

#include <stdbool.h>
#include <stddef.h>

#include "buf.h"

enum text_mode {
	TEXT_LINE,	/* newlines and tabs become spaces: names, one-line output */
	TEXT_BLOCK,	/* newlines stay, tabs become spaces: messages */
};

/* Appends text as valid UTF-8 (bad bytes become U+FFFD), with control characters
 * (C0, DEL, C1) as Unicode control pictures or U+FFFD, bidi overrides and
 * embeddings removed and directional isolates balanced (UAX 9), zero-width and
 * invisible format characters removed except ZWJ/ZWNJ and variation selectors
 * where Unicode uses them, unassigned and private-use as U+FFFD, at most
 * 8 combining marks in a row. ERR_TOO_BIG beyond out's maximum. */
int text_printable(const char *in, size_t len, enum text_mode mode,
		   struct buf *out) must_check;
/* The same as a NUL-terminated string on the heap. */
char *text_printable_str(const char *in, enum text_mode mode) must_check;

/* Columns of the grapheme cluster that begins at s, and its bytes in *n; s is
 * printable text. Widths agree with what terminals and ncurses do (see
 * FACTS: ZWJ sequences are drawn as their parts). */
int text_cluster(const char *s, size_t len, size_t *n);
int text_width(const char *s, size_t len);

#endif
