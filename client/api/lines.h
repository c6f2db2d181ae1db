/* JSON-RPC 2.0, one object a line: cutting a byte stream into parsed objects, and
 * objects into lines. Bytes in, objects out; no I/O. */
#ifndef SOTTO_LINES_H
#define SOTTO_LINES_H

#include <jansson.h>
#include <stdbool.h>

#include "buf.h"
#include "err.h"

enum {
	LINE_MAX_BYTES = 256 * 1024,
	/* Of the agent's: an answer with all contacts. */
	LINE_ANSWER_MAX = 32 * 1024 * 1024,
	LINE_DEPTH_MAX = 32,
};

struct lines {
	size_t max;	/* bytes of a line; LINE_MAX_BYTES unless set after init */
	struct buf in;
	size_t taken;	/* bytes at its beginning that lines_next has passed */
	size_t tail;	/* bytes at the end of in that no newline has ended yet */
	bool skipping;	/* the rest of a line that was too long */
};

void lines_init(struct lines *l);
void lines_finish(struct lines *l);
/* Bytes that came. Never fails: a line that is too long is reported once by
 * lines_next, as soon as it is, and its rest is skipped. What is held grows by
 * the whole lines in data until lines_next takes them: feed what one read
 * brought, then take all. */
void lines_feed(struct lines *l, const uint8_t *data, size_t len);
/* The next whole line as an object (new reference). ERR_NOT_FOUND: no whole line
 * yet. The line was consumed, go on: ERR_TOO_BIG; ERR_FORMAT: no JSON (-32700 in
 * JSON-RPC); ERR_USAGE: JSON, but no object, as a batch (-32600). Empty lines are
 * skipped. Depth is bounded, duplicate keys and NULs in strings are refused
 * (ERR_FORMAT). */
int lines_next(struct lines *l, json_t **out) must_check;
/* The next whole line as it came, without its newline, valid until the next
 * call; not parsed. ERR_NOT_FOUND; ERR_TOO_BIG: consumed, go on. */
int lines_next_raw(struct lines *l, struct bytes *out) must_check;
/* Whether a whole line waits; it may be an empty one. */
bool lines_ready(const struct lines *l);
/* A line's bytes as an object; errors as lines_next. */
int lines_parse(struct bytes line, json_t **out) must_check;
/* Appends o as one line. ERR_TOO_BIG beyond out's maximum, out untouched. */
int lines_append(struct buf *out, const json_t *o) must_check;

#endif
