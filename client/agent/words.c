#include "words.h"

#include <utf8proc.h>

/* Scripts written without spaces between words, and Hangul, whose words carry
 * endings. */
static const struct {
	utf8proc_int32_t first, last;
} cjk[] = {
	{ 0x1100, 0x11ff },	/* Hangul Jamo */
	{ 0x2e80, 0x2fdf },	/* radicals */
	{ 0x3005, 0x3007 },
	{ 0x3021, 0x3029 },
	{ 0x3031, 0x3035 },
	{ 0x3038, 0x303c },
	{ 0x3041, 0x3096 },	/* Hiragana */
	{ 0x3099, 0x309f },
	{ 0x30a1, 0x30fa },	/* Katakana */
	{ 0x30fc, 0x30ff },
	{ 0x3105, 0x318e },	/* Bopomofo, compatibility Jamo */
	{ 0x31a0, 0x31ff },
	{ 0x3400, 0x4dbf },
	{ 0x4e00, 0x9fff },
	{ 0xa960, 0xa97f },
	{ 0xac00, 0xd7ff },	/* Hangul syllables */
	{ 0xf900, 0xfaff },
	{ 0x1b000, 0x1b16f },
	{ 0x20000, 0x3ffff },
};

static bool is_cjk(utf8proc_int32_t c)
{
	if (c < cjk[0].first)
		return false;
	for (size_t i = 0; i < sizeof(cjk) / sizeof(cjk[0]); i++)
		if (c <= cjk[i].last)
			return c >= cjk[i].first;
	return false;
}

static bool is_ascii(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text >= 0x80)
			return false;
	return true;
}

/* NFKC, on the heap; as it is when it is not UTF-8. */
static char *normalise(const char *text)
{
	utf8proc_uint8_t *out = NULL;

	if (is_ascii(text) ||
	    utf8proc_map((const utf8proc_uint8_t *)text, 0, &out,
			 UTF8PROC_NULLTERM | UTF8PROC_STABLE |
			 UTF8PROC_COMPOSE | UTF8PROC_COMPAT) < 0)
		return xstrdup(text);
	return (char *)out;
}

/* The character at s, and its bytes; a bad byte is a space of one byte. */
static utf8proc_int32_t next_char(const char *s, size_t *n)
{
	utf8proc_int32_t c;
	utf8proc_ssize_t r = utf8proc_iterate((const utf8proc_uint8_t *)s, -1,
					      &c);

	*n = r > 0 ? (size_t)r : 1;
	return r > 0 ? c : ' ';
}

/* Bytes of the CJK run at s; *chars counts its characters. */
static size_t run_length(const char *s, size_t *chars)
{
	size_t len = 0, n;

	for (*chars = 0; s[len] && is_cjk(next_char(s + len, &n)); ++*chars)
		len += n;
	return len;
}

/* The run's pairs with a space before each, and, with last, its last character. */
static int append_run(const char *s, size_t len, bool last, struct buf *out)
{
	size_t at = 0, n, m;
	int r = OK;

	while (at < len && !r) {
		next_char(s + at, &n);
		m = 0;
		if (at + n < len)
			next_char(s + at + n, &m);
		else if (!last)
			break;
		r = buf_append_u8(out, ' ');
		if (!r)
			r = buf_append(out, s + at, n + m);
		at += n;
	}
	return r;
}

char *words_index(const char *text)
{
	char *norm, *s, *result = NULL;
	bool any = false;
	struct buf out;
	size_t n, chars;
	int r = OK;

	if (is_ascii(text))
		return NULL;
	norm = s = normalise(text);
	/* Three bytes of a character become eight at most. */
	buf_init(&out, 4 * strlen(norm) + 2);
	while (*s && !r) {
		n = run_length(s, &chars);
		if (n) {
			any = true;
			r = append_run(s, n, true, &out);
			if (!r)
				r = buf_append_u8(&out, ' ');
		} else {
			next_char(s, &n);
			r = buf_append(&out, s, n);
		}
		s += n;
	}
	if (!r)
		r = buf_append_u8(&out, '\0');
	if (!r && any)
		result = xstrdup((const char *)out.data);
	else if (strcmp(norm, text) != 0)
		result = xstrdup(norm);
	buf_finish(&out);
	free(norm);
	return result;
}

static bool is_word_char(utf8proc_int32_t c)
{
	utf8proc_category_t g = utf8proc_category(c);

	return (g >= UTF8PROC_CATEGORY_LU && g <= UTF8PROC_CATEGORY_LO) ||
	       (g >= UTF8PROC_CATEGORY_ND && g <= UTF8PROC_CATEGORY_NO) ||
	       g == UTF8PROC_CATEGORY_CO;
}

static bool is_space(char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r');
}

/* Whether a word of len bytes at s has anything that is indexed. */
static bool has_word(const char *s, size_t len)
{
	size_t at = 0, n;

	for (; at < len; at += n)
		if (is_word_char(next_char(s + at, &n)))
			return true;
	return false;
}

/* One word as a phrase: what is indexed for it stands side by side. */
static int append_phrase(const char *s, size_t len, bool prefix,
			 struct buf *out)
{
	size_t at = 0, n, chars;
	int r = buf_append_u8(out, '"');

	while (at < len && !r) {
		n = run_length(s + at, &chars);
		if (n > len - at)
			n = len - at;
		if (n) {
			/* The text's run may go on where the word's ends; one
			 * character alone begins a pair, or ends a run. */
			bool ends = at + n < len;

			r = append_run(s + at, n, ends || chars == 1, out);
			if (!r && !ends && chars == 1)
				r = buf_append_u8(out, '*');
			if (!r)
				r = buf_append_u8(out, ' ');
			prefix = prefix && ends;
			at += n;
			continue;
		}
		next_char(s + at, &n);
		/* These mean something to FTS also within a phrase. */
		r = n == 1 && strchr("\"*^", s[at]) ? buf_append_u8(out, ' ') :
		    buf_append(out, s + at, n);
		at += n;
	}
	if (!r && prefix)
		r = buf_append_u8(out, '*');
	return r ? r : buf_append(out, "\" ", 2);
}

int words_query(const char *words, struct buf *out)
{
	char *norm, *s;
	size_t len, terms = 0;
	bool prefix;
	int r = OK;

	if (strlen(words) > WORDS_QUERY_MAX)
		return ERR_TOO_BIG;
	norm = s = normalise(words);
	while (*s && !r) {
		for (len = 0; s[len] && !is_space(s[len]); len++)
			;
		prefix = len && s[len - 1] == '*';
		if (has_word(s, len)) {
			r = terms++ < WORDS_TERMS_MAX ?
			    append_phrase(s, prefix ? len - 1 : len, prefix,
					  out) : ERR_TOO_BIG;
		}
		s += len;
		s += is_space(*s);
	}
	free(norm);
	return r ? r : terms ? OK : ERR_FORMAT;
}
