/* A growable byte buffer with a hard maximum. */
#ifndef SOTTO_BUF_H
#define SOTTO_BUF_H

#include <stddef.h>
#include <stdint.h>

#include "err.h"

/* Bytes that somebody else owns. */
struct bytes {
	const uint8_t *data;
	size_t len;
};

/* Plain struct: data[0..len) is the content. Zero bytes are allocated until the
 * first append. A consumed prefix costs no copy until the next growth. */
struct buf {
	uint8_t *data;
	size_t len;
	size_t cap;	/* bytes from data on */
	size_t max;	/* appending beyond it is ERR_TOO_BIG */
	size_t head;	/* consumed bytes that lie before data */
};

void buf_init(struct buf *b, size_t max);
/* Frees and leaves an empty, usable buffer. Takes a zeroed struct. */
void buf_finish(struct buf *b);
/* Like buf_finish, but wipes the memory first. Growing leaves copies behind:
 * reserve enough for a secret before its first byte. */
void buf_wipe(struct buf *b);
/* Empties, keeping the memory. */
void buf_clear(struct buf *b);

int buf_append(struct buf *b, const void *data, size_t len) must_check;
int buf_append_u8(struct buf *b, uint8_t v) must_check;
int buf_appendf(struct buf *b, const char *fmt, ...)
	__attribute__((format(printf, 2, 3))) must_check;
/* Makes room for len more bytes and returns where they go, or NULL beyond max;
 * the caller writes and then adds to b->len. */
uint8_t *buf_reserve(struct buf *b, size_t len) must_check;
/* Removes the first len bytes; len <= b->len. */
void buf_consume(struct buf *b, size_t len);
struct bytes buf_bytes(const struct buf *b);

/* Memory that never fails: out of memory ends the process. */
void *xmalloc(size_t size) must_check;
void *xcalloc(size_t n, size_t size) must_check;
void *xrealloc(void *p, size_t size) must_check;
char *xstrdup(const char *s) must_check;

/* Big-endian numbers in byte strings. */
void put_u32(uint8_t out[static 4], uint32_t v);
void put_u64(uint8_t out[static 8], uint64_t v);
uint32_t get_u32(const uint8_t in[static 4]);
uint64_t get_u64(const uint8_t in[static 8]);

#endif
