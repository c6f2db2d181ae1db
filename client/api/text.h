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
 * (C0, DEL, C1) as Unicode control pictures or U+FFFD, bidi overrides, embeddings
 * and marks removed and directional isolates balanced in each line (UAX 9),
 * zero-width and invisible characters removed except ZWNJ and variation selectors
 * where Unicode uses them, unassigned, private-use and what the C library does not
 * know as U+FFFD, at most 8 combining marks in a row, and a dotted circle under
 * marks that begin a line. All line ends are newlines. ZWJ is removed too: tmux
 * takes the columns of what follows it away, ncurses and most terminals do not, so
 * what is joined by it is drawn as its parts everywhere. What is printable stays
 * as it is. ERR_TOO_BIG beyond out's maximum, which then holds what it held. */
int text_printable(const char *in, size_t len, enum text_mode mode,
		   struct buf *out) must_check;
/* The same as a NUL-terminated string on the heap. */
char *text_printable_str(const char *in, enum text_mode mode) must_check;

/* Columns of the grapheme cluster that begins at s, and its bytes in *n (0 only
 * when len is). Takes text that is not printable too: a bad byte is a cluster of
 * one column. Newlines, control characters and isolates have no columns; all else
 * has, since what has none joins the cluster before. Widths are wcwidth()'s, as
 * ncurses and tmux use it: call setlocale() first. */
int text_cluster(const char *s, size_t len, size_t *n);
int text_width(const char *s, size_t len);

#endif
