/* component: api. Peers' text made printable: always valid UTF-8, without what a
 * terminal obeys or hides, and unchanged by a second time. */
#include <assert.h>
#include <locale.h>
#include <utf8proc.h>

#include "text.h"

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setlocale(LC_ALL, "C.UTF-8");
	return 0;
}

static bool is_forbidden(int32_t c)
{
	return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0xad || c == 0x61c ||
	       c == 0x200b || (c >= 0x200d && c <= 0x200f) ||
	       (c >= 0x2028 && c <= 0x202e) || (c >= 0x2060 && c <= 0x2065) ||
	       (c >= 0x206a && c <= 0x206f) || c == 0xfeff ||
	       (c >= 0xe000 && c <= 0xf8ff) || (c >= 0xe0000 && c < 0xe0100) ||
	       c >= 0xf0000;
}

static void check(const struct buf *out, enum text_mode mode)
{
	utf8proc_ssize_t n;
	unsigned open = 0, marks = 0;
	int32_t c;

	for (size_t at = 0; at < out->len; at += (size_t)n) {
		n = utf8proc_iterate(out->data + at,
				     (utf8proc_ssize_t)(out->len - at), &c);
		assert(n > 0);
		if (c == '\n' && mode == TEXT_BLOCK) {
			assert(!open);
			marks = 0;
			continue;
		}
		assert(!is_forbidden(c));
		if (c >= 0x2066 && c <= 0x2068)
			open++;
		if (c == 0x2069)
			assert(open-- > 0);
		marks = utf8proc_category(c) == UTF8PROC_CATEGORY_MN ?
			marks + 1 : 0;
		/* Eight, and a variation selector, which is an Mn too. */
		assert(marks <= 9);
	}
	assert(!open);
}

static void try_mode(const uint8_t *data, size_t len, enum text_mode mode)
{
	struct buf once, twice;
	int r;

	buf_init(&once, len * 4 + 8);
	buf_init(&twice, len * 4 + 8);
	r = text_printable((const char *)data, len, mode, &once);
	assert(r == OK);
	check(&once, mode);
	r = text_printable((const char *)once.data, once.len, mode, &twice);
	assert(r == OK && once.len == twice.len);
	assert(!once.len || memcmp(once.data, twice.data, once.len) == 0);
	buf_finish(&once);
	buf_finish(&twice);
}

/* Any bytes fall into clusters that together are all of them. */
static void try_clusters(const char *text, size_t len)
{
	size_t at = 0, n;
	int width, sum = 0;

	for (; at < len; at += n) {
		width = text_cluster(text + at, len - at, &n);
		assert(n > 0 && n <= len - at);
		assert(width >= 0 && (size_t)width <= 2 * n);
		sum += width;
	}
	assert(text_width(text, len) == sum);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	try_mode(data, len, TEXT_BLOCK);
	try_mode(data, len, TEXT_LINE);
	try_clusters((const char *)data, len);
	return 0;
}
