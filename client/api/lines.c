#include "lines.h"

void lines_init(struct lines *l)
{
	/* lines_feed bounds what it holds by the line; see there. */
	buf_init(&l->in, SIZE_MAX / 2);
	l->max = LINE_MAX_BYTES;
	l->tail = 0;
	l->skipping = false;
	l->taken = 0;
}

void lines_finish(struct lines *l)
{
	buf_finish(&l->in);
}

static void append(struct lines *l, const void *data, size_t len)
{
	int ret = buf_append(&l->in, data, len);

	if (ret)	/* SIZE_MAX / 2 bytes cannot be */
		abort();
}

/* The part of a line that came. One byte over the maximum is kept, and ended by
 * a newline of our own, so that lines_next sees it as too long. */
static void feed_part(struct lines *l, const uint8_t *data, size_t len)
{
	size_t room = l->max + 1 - l->tail;

	if (l->skipping)
		return;
	if (len < room) {
		append(l, data, len);
		l->tail += len;
		return;
	}
	append(l, data, room);
	append(l, "\n", 1);
	l->tail = 0;
	l->skipping = true;
}

void lines_feed(struct lines *l, const uint8_t *data, size_t len)
{
	if (l->taken) {
		buf_consume(&l->in, l->taken);
		l->taken = 0;
	}
	while (len) {
		const uint8_t *end = memchr(data, '\n', len);
		size_t part = end ? (size_t)(end - data) : len;

		feed_part(l, data, part);
		if (!end)
			return;
		if (!l->skipping)
			append(l, "\n", 1);
		l->tail = 0;
		l->skipping = false;
		data += part + 1;
		len -= part + 1;
	}
}

int lines_next_raw(struct lines *l, struct bytes *out)
{
	for (;;) {
		size_t left = l->in.len - l->taken;
		const uint8_t *line, *end;
		size_t len;

		if (left == l->tail)
			return ERR_NOT_FOUND;
		line = l->in.data + l->taken;
		end = memchr(line, '\n', left);
		len = (size_t)(end - line);
		l->taken += len + 1;
		if (len > l->max)
			return ERR_TOO_BIG;
		if (len && line[len - 1] == '\r')
			len--;
		if (!len)
			continue;
		*out = (struct bytes){ line, len };
		return OK;
	}
}

bool lines_ready(const struct lines *l)
{
	return l->in.len - l->taken > l->tail;
}

/* Whether brackets nest deeper than LINE_DEPTH_MAX. The parser recurses, with a
 * limit of its own of 2,048 that cannot be set. */
static bool too_deep(struct bytes line)
{
	size_t depth = 0;
	bool in_string = false;

	for (size_t i = 0; i < line.len; i++) {
		uint8_t c = line.data[i];

		if (in_string) {
			if (c == '\\')
				i++;
			else if (c == '"')
				in_string = false;
		} else if (c == '"') {
			in_string = true;
		} else if (c == '{' || c == '[') {
			if (++depth > LINE_DEPTH_MAX)
				return true;
		} else if ((c == '}' || c == ']') && depth) {
			depth--;
		}
	}
	return false;
}

int lines_parse(struct bytes line, json_t **out)
{
	json_t *o;

	if (too_deep(line))
		return ERR_FORMAT;
	o = json_loadb((const char *)line.data, line.len,
		       JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, NULL);
	if (!o)
		return ERR_FORMAT;
	if (!json_is_object(o)) {
		json_decref(o);
		return ERR_USAGE;
	}
	*out = o;
	return OK;
}

int lines_next(struct lines *l, json_t **out)
{
	struct bytes line;
	int ret = lines_next_raw(l, &line);

	return ret ? ret : lines_parse(line, out);
}

static int dump_part(const char *data, size_t len, void *out)
{
	return buf_append(out, data, len) ? -1 : 0;
}

int lines_append(struct buf *out, const json_t *o)
{
	size_t before = out->len;

	if (json_dump_callback(o, dump_part, out, JSON_COMPACT) ||
	    buf_append(out, "\n", 1)) {
		out->len = before;
		return ERR_TOO_BIG;
	}
	return OK;
}
