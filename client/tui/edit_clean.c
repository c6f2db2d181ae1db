#include <utf8proc.h>

#include "edit_int.h"

enum { ZWNJ = 0x200c, ZWJ = 0x200d, REPLACEMENT = 0xfffd };

/* What stands for c: c itself, another one, or 0 for nothing. */
static int32_t fit(int32_t c)
{
	if (c == ZWJ || c == ZWNJ || (c >= 0xfe00 && c <= 0xfe0f))
		return c;
	switch (utf8proc_category(c)) {
	case UTF8PROC_CATEGORY_CC:
		if (c == '\t')
			return ' ';
		return c == '\n' || c == '\r' ? '\n' : 0;
	case UTF8PROC_CATEGORY_ZL:
	case UTF8PROC_CATEGORY_ZP:
		return '\n';
	case UTF8PROC_CATEGORY_CF:
		return 0;
	default:
		return utf8proc_get_property(c)->ignorable ? 0 : c;
	}
}

int edit_clean(const char *text, size_t len, struct buf *out)
{
	const uint8_t *s = (const uint8_t *)text;
	uint8_t bytes[4];
	int32_t c;
	int err = OK;

	for (utf8proc_ssize_t n; len > 0 && err == OK; s += n, len -= (size_t)n) {
		n = utf8proc_iterate(s, (utf8proc_ssize_t)len, &c);
		if (n <= 0) {
			n = 1;
			c = REPLACEMENT;
		} else if (c == '\r' && len > 1 && s[1] == '\n') {
			n = 2;
		}
		c = fit(c);
		if (c != 0)
			err = buf_append(out, bytes,
					 (size_t)utf8proc_encode_char(c, bytes));
	}
	return err;
}
