/* JSON-RPC 2.0, one object a line: cutting a byte stream into parsed objects, and
 * objects into lines. Bytes in, objects out; no I/O. */
#ifndef SOTTO_LINES_H
#define SOTTO_LINES_H

#include <jansson.h>

#include "buf.h"
#include "err.h"

enum { LINE_MAX_BYTES = 256 * 1024, LINE_DEPTH_MAX = 32 };

struct lines {
	struct buf in;
	bool skipping;	/* the rest of a line that was too long */
};

void lines_init(struct lines *l);
void lines_finish(struct lines *l);
/* Bytes that came. Never fails: a line that is too long is reported once by
 * lines_next and skipped. */
void lines_feed(struct lines *l, const uint8_t *data, size_t len);
/* The next whole line as an object (new reference). ERR_NOT_FOUND: no whole line
 * yet. ERR_TOO_BIG, ERR_FORMAT: that line was consumed; go on. Empty lines are
 * skipped. Depth is bounded, duplicate keys and NULs in strings are refused. */
int lines_next(struct lines *l, json_t **out) must_check;
/* Appends o as one line. */
int lines_append(struct buf *out, const json_t *o) must_check;

#endif
