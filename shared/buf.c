#include "buf.h"

#include <assert.h>
#include <sodium.h>
#include <stdarg.h>

enum { FIRST_CAP = 64 };

void buf_init(struct buf *b, size_t max)
{
	*b = (struct buf){ .max = max };
}

/* Gives the consumed prefix back; the content is lost. */
static void rewind_head(struct buf *b)
{
	if (!b->head)
		return;
	b->data -= b->head;
	b->cap += b->head;
	b->head = 0;
}

void buf_finish(struct buf *b)
{
	rewind_head(b);
	free(b->data);
	buf_init(b, b->max);
}

void buf_wipe(struct buf *b)
{
	rewind_head(b);
	if (b->data)
		sodium_memzero(b->data, b->cap);
	buf_finish(b);
}

void buf_clear(struct buf *b)
{
	rewind_head(b);
	b->len = 0;
}

/* Moves the content to the begin of the allocation. */
static void slide(struct buf *b)
{
	uint8_t *from = b->data;

	if (!b->head)
		return;
	rewind_head(b);
	memmove(b->data, from, b->len);
}

uint8_t *buf_reserve(struct buf *b, size_t len)
{
	size_t need, cap;

	assert(b->len <= b->max);
	if (len > b->max - b->len)
		return NULL;
	need = b->len + len;
	/* Sliding pays only when it moves less than was consumed. */
	if (need > b->cap && b->head >= b->len)
		slide(b);
	if (need > b->cap || !b->data) {
		slide(b);
		cap = b->cap > b->max / 2 ? b->max : b->cap * 2;
		if (cap < FIRST_CAP)
			cap = FIRST_CAP;
		if (cap < need)
			cap = need;
		if (cap > b->max)
			cap = b->max;
		b->data = xrealloc(b->data, cap);
		b->cap = cap;
	}
	return b->data + b->len;
}

int buf_append(struct buf *b, const void *data, size_t len)
{
	uint8_t *to = buf_reserve(b, len);

	if (!to)
		return ERR_TOO_BIG;
	if (len)
		memcpy(to, data, len);
	b->len += len;
	return OK;
}

int buf_append_u8(struct buf *b, uint8_t v)
{
	return buf_append(b, &v, 1);
}

int buf_appendf(struct buf *b, const char *fmt, ...)
{
	va_list ap;
	uint8_t *to;
	char *text;
	int n;

	va_start(ap, fmt);
	n = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (n < 0)
		return ERR_FORMAT;
	if ((size_t)n > b->max - b->len)
		return ERR_TOO_BIG;
	/* The NUL that vsnprintf adds may not fit under the maximum. */
	text = xmalloc((size_t)n + 1);
	va_start(ap, fmt);
	n = vsnprintf(text, (size_t)n + 1, fmt, ap);
	va_end(ap);
	to = buf_reserve(b, (size_t)n);
	assert(to);
	memcpy(to, text, (size_t)n);
	b->len += (size_t)n;
	free(text);
	return OK;
}

void buf_consume(struct buf *b, size_t len)
{
	assert(len <= b->len);
	if (len == b->len) {
		buf_clear(b);
		return;
	}
	b->data += len;
	b->head += len;
	b->cap -= len;
	b->len -= len;
}

struct bytes buf_bytes(const struct buf *b)
{
	return (struct bytes){ b->data, b->len };
}

static void *or_die(void *p)
{
	if (!p) {
		fputs("sotto: out of memory\n", stderr);
		abort();
	}
	return p;
}

void *xmalloc(size_t size)
{
	return or_die(malloc(size ? size : 1));
}

void *xcalloc(size_t n, size_t size)
{
	return or_die(calloc(n ? n : 1, size ? size : 1));
}

void *xrealloc(void *p, size_t size)
{
	return or_die(realloc(p, size ? size : 1));
}

char *xstrdup(const char *s)
{
	return or_die(strdup(s));
}

void put_u32(uint8_t out[static 4], uint32_t v)
{
	for (int i = 3; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

void put_u64(uint8_t out[static 8], uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		out[i] = (uint8_t)v;
}

uint32_t get_u32(const uint8_t in[static 4])
{
	uint32_t v = 0;

	for (int i = 0; i < 4; i++)
		v = v << 8 | in[i];
	return v;
}

uint64_t get_u64(const uint8_t in[static 8])
{
	uint64_t v = 0;

	for (int i = 0; i < 8; i++)
		v = v << 8 | in[i];
	return v;
}
