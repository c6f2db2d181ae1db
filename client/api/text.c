#include "text.h"

#include <assert.h>
#include <utf8proc.h>
#include <wchar.h>

enum {
	MARKS_MAX = 8,
	ISOLATES_MAX = 8,	/* nested; deeper ones are dropped */
	REPLACEMENT = 0xfffd,
	DOTTED_CIRCLE = 0x25cc,
	PICTURES = 0x2400,	/* of the control characters from NUL on */
	PICTURE_DEL = 0x2421,
	ZWNJ = 0x200c,
	ZWJ = 0x200d,
	LRI = 0x2066,
	FSI = 0x2068,
	PDI = 0x2069,
};

struct printer {
	struct buf *out;
	enum text_mode mode;
	int32_t prev;		/* the code point before, 0 at first */
	bool has_base;		/* a mark has something to stand on */
	unsigned marks;		/* in a row */
	unsigned isolates;	/* open */
	unsigned dropped;	/* isolates too deep, whose ends are to come */
};

static bool within(int32_t c, int32_t from, int32_t to)
{
	return c >= from && c <= to;
}

static bool is_mark(int32_t c)
{
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_MN:
	case UTF8PROC_CATEGORY_MC:
	case UTF8PROC_CATEGORY_ME:
		return true;
	default:
		return false;
	}
}

/* Vowels and finals, which terminals draw into the cell of the jamo before. */
static bool is_joining_jamo(int32_t c)
{
	return within(c, 0x1160, 0x11ff) || within(c, 0xd7b0, 0xd7ff);
}

static bool is_isolate(int32_t c)
{
	return within(c, LRI, PDI);
}

static bool is_pictograph(int32_t c)
{
	return utf8proc_get_property(c)->boundclass ==
	       UTF8PROC_BOUNDCLASS_EXTENDED_PICTOGRAPHIC;
}

static bool is_ideograph(int32_t c)
{
	return within(c, 0x3400, 0x9fff) || within(c, 0xf900, 0xfaff) ||
	       within(c, 0x20000, 0x3ffff);
}

/* Letters of scripts in which a non-joiner changes what one sees: Arabic to
 * Mongolian without Hangul, and the later blocks of Indic and Arabic scripts. */
static bool takes_non_joiner(int32_t c)
{
	if (!within(c, 0x0620, 0x10ff) && !within(c, 0x1200, 0x1cff) &&
	    !within(c, 0xa800, 0xabff) && !within(c, 0xfb50, 0xfdff) &&
	    !within(c, 0xfe70, 0xfefc) && !within(c, 0x10a00, 0x11fff) &&
	    !within(c, 0x1e900, 0x1e95f))
		return false;
	return is_mark(c) || utf8proc_category(c) == UTF8PROC_CATEGORY_LO ||
	       utf8proc_category(c) == UTF8PROC_CATEGORY_LM;
}

static bool is_selector(int32_t c)
{
	return within(c, 0xfe00, 0xfe0f) || within(c, 0xe0100, 0xe01ef) ||
	       within(c, 0x180b, 0x180d) || c == 0x180f;
}

/* Whether Unicode has sequences of a base like this and the selector. */
static bool takes_selector(int32_t base, int32_t selector)
{
	if (selector >= 0xe0100)
		return is_ideograph(base);
	if (selector < 0xfe00)
		return within(base, 0x1820, 0x18aa);	/* Mongolian */
	if (selector >= 0xfe0e)
		return is_pictograph(base) || within(base, '0', '9') ||
		       base == '#' || base == '*';
	switch (utf8proc_category(base)) {
	case UTF8PROC_CATEGORY_LO:
	case UTF8PROC_CATEGORY_SM:
	case UTF8PROC_CATEGORY_SO:
	case UTF8PROC_CATEGORY_PO:
		return base >= 0x80;
	default:
		return false;
	}
}

/* Assigned, but not known to the C library, and so neither to ncurses nor to a
 * terminal that asks it. */
static bool is_unknown(int32_t c)
{
	return MB_CUR_MAX > 1 && wcwidth((wchar_t)c) < 0;
}

static int put(struct printer *p, int32_t c)
{
	uint8_t bytes[4];
	utf8proc_ssize_t n = utf8proc_encode_char(c, bytes);

	assert(n > 0);
	p->prev = c;
	return buf_append(p->out, bytes, (size_t)n);
}

/* A character that stands by itself. */
static int put_base(struct printer *p, int32_t c)
{
	p->has_base = true;
	p->marks = 0;
	return put(p, c);
}

static int put_mark(struct printer *p, int32_t c)
{
	int r;

	/* Without a base it would join what the screen has before the text. */
	if (!p->has_base) {
		r = put_base(p, DOTTED_CIRCLE);
		if (r < 0)
			return r;
	}
	if (p->marks == MARKS_MAX)
		return OK;
	p->marks++;
	return put(p, c);
}

static int put_isolate(struct printer *p, int32_t c)
{
	if (c != PDI && p->isolates == ISOLATES_MAX) {
		p->dropped++;
		return OK;
	}
	if (c == PDI && p->dropped) {
		p->dropped--;
		return OK;
	}
	if (c == PDI && !p->isolates)
		return OK;
	p->isolates += c == PDI ? -1u : 1u;
	p->has_base = false;
	p->marks = 0;
	return put(p, c);
}

/* Isolates end with the paragraph (UAX 9, BD9). */
static int close_isolates(struct printer *p)
{
	int r = OK;

	p->dropped = 0;
	while (r == OK && p->isolates)
		r = put_isolate(p, PDI);
	return r;
}

static int put_newline(struct printer *p)
{
	int r;

	if (p->mode == TEXT_LINE)
		return put_base(p, ' ');
	r = close_isolates(p);
	if (r < 0)
		return r;
	r = put_base(p, '\n');
	p->has_base = false;
	return r;
}

static int put_control(struct printer *p, int32_t c)
{
	if (c == '\n' || c == '\r')
		return put_newline(p);
	if (c == '\t')
		return put_base(p, ' ');
	if (c < 0x20)
		return put_base(p, PICTURES + c);
	return put_base(p, c == 0x7f ? PICTURE_DEL : REPLACEMENT);
}

static bool is_visible_format(int32_t c)
{
	return utf8proc_get_property(c)->boundclass ==
	       UTF8PROC_BOUNDCLASS_PREPEND;
}

static int put_any(struct printer *p, int32_t c)
{
	if (within(c, 0x20, 0x7e))
		return put_base(p, c);
	if (is_isolate(c))
		return put_isolate(p, c);
	if (is_selector(c))
		return takes_selector(p->prev, c) ? put(p, c) : OK;
	if (c == ZWNJ)
		return takes_non_joiner(p->prev) ? put(p, c) : OK;
	if (utf8proc_get_property(c)->ignorable)
		return OK;
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_CC:
		return put_control(p, c);
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return put_newline(p);
	case UTF8PROC_CATEGORY_CF:
		if (!is_visible_format(c))
			return OK;
		break;
	case UTF8PROC_CATEGORY_CN:
	case UTF8PROC_CATEGORY_CO:
	case UTF8PROC_CATEGORY_CS:
		return put_base(p, REPLACEMENT);
	default:
		break;
	}
	if (is_unknown(c))
		return put_base(p, REPLACEMENT);
	if (is_mark(c) || is_joining_jamo(c))
		return put_mark(p, c);
	return put_base(p, c);
}

int text_printable(const char *in, size_t len, enum text_mode mode,
		   struct buf *out)
{
	struct printer p = { .out = out, .mode = mode };
	const uint8_t *s = (const uint8_t *)in;
	size_t before = out->len;
	utf8proc_ssize_t n;
	int32_t c;
	int r = OK;

	while (len && r == OK) {
		n = utf8proc_iterate(s, (utf8proc_ssize_t)len, &c);
		if (n <= 0) {
			n = 1;
			c = REPLACEMENT;
		} else if (c == '\r' && len > 1 && s[1] == '\n') {
			n = 2;
		}
		r = put_any(&p, c);
		s += n;
		len -= (size_t)n;
	}
	if (r == OK)
		r = close_isolates(&p);
	if (r < 0)
		out->len = before;
	return r;
}

char *text_printable_str(const char *in, enum text_mode mode)
{
	/* At most a dotted circle and a mark for 2 bytes, or U+FFFD for one. */
	size_t len = strlen(in), max = len * 4 + 1;
	struct buf out;
	int r;

	buf_init(&out, max);
	r = text_printable(in, len, mode, &out);
	if (r == OK)
		r = buf_append_u8(&out, '\0');
	assert(r == OK);
	return (char *)out.data;
}

/* What the C library says, as ncurses and tmux ask it. In a locale that is not
 * UTF-8 nothing right can be drawn; then near it. */
static int code_point_width(int32_t c)
{
	int w = wcwidth((wchar_t)c);

	if (w >= 0)
		return w;
	if (is_joining_jamo(c))
		return 0;
	if (utf8proc_category(c) == UTF8PROC_CATEGORY_MC)
		return 1;
	return utf8proc_charwidth(c);
}

/* Whether c cannot have a cell of its own. */
static bool is_attached(int32_t c)
{
	return code_point_width(c) == 0 && !is_isolate(c) &&
	       utf8proc_category(c) != UTF8PROC_CATEGORY_CC;
}

int text_cluster(const char *text, size_t len, size_t *n)
{
	const uint8_t *s = (const uint8_t *)text;
	int32_t before, c, state = 0;
	utf8proc_ssize_t k;
	size_t at;
	int width;

	*n = len ? 1 : 0;
	if (!len)
		return 0;
	/* Most text, and nothing can join across it. */
	if (within(s[0], 0x20, 0x7e) && (len == 1 || s[1] < 0x80))
		return 1;
	k = utf8proc_iterate(s, (utf8proc_ssize_t)len, &before);
	if (k <= 0)
		return 1;
	width = code_point_width(before);
	for (at = (size_t)k; at < len; at += (size_t)k) {
		k = utf8proc_iterate(s + at, (utf8proc_ssize_t)(len - at), &c);
		if (k <= 0)
			break;
		if (utf8proc_grapheme_break_stateful(before, c, &state) &&
		    (is_isolate(before) || before == '\n' || !is_attached(c)))
			break;
		width += code_point_width(c);
		before = c;
	}
	*n = at;
	return width;
}

int text_width(const char *s, size_t len)
{
	size_t n;
	int width = 0;

	for (; len; s += n, len -= n)
		width += text_cluster(s, len, &n);
	return width;
}
