#include "base32.h"

/* No table and no branch depends on the data: recovery keys pass here. */

/* All ones when a > b, for numbers under 2^31. */
static uint32_t above(uint32_t a, uint32_t b)
{
	return -((b - a) >> 31);
}

static char digit(uint32_t v)
{
	uint32_t letter = 'a' + v, number = '2' + v - 26;
	uint32_t mask = above(v, 25);

	return (char)((letter & ~mask) | (number & mask));
}

/* 0 to 31, or a number above for another character. */
static uint32_t value(uint8_t c)
{
	uint32_t lower = c | 0x20u;
	uint32_t letter = above(lower, 'a' - 1) & above('z' + 1, lower);
	uint32_t number = above(c, '2' - 1) & above('7' + 1, c);

	return ((lower - 'a') & letter) | ((c - '2' + 26u) & number) |
	       (32u & ~letter & ~number);
}

void base32_encode(const uint8_t *data, size_t len, char *out)
{
	uint32_t acc = 0;
	unsigned bits = 0;

	for (size_t i = 0; i < len; i++) {
		acc = acc << 8 | data[i];
		bits += 8;
		for (; bits >= 5; bits -= 5)
			*out++ = digit(acc >> (bits - 5) & 31);
		acc &= (1u << bits) - 1;
	}
	if (bits)
		*out++ = digit(acc << (5 - bits) & 31);
	*out = '\0';
}

int base32_decode(const char *text, size_t text_len, uint8_t *out,
		  size_t out_len)
{
	uint32_t acc = 0, bad = 0, v;
	unsigned bits = 0;
	size_t n = 0;

	if (text_len != BASE32_LEN(out_len))
		return ERR_FORMAT;
	/* A first pass only checks: out stays untouched on failure. */
	for (size_t i = 0; i < text_len; i++) {
		v = value((uint8_t)text[i]);
		bad |= v & 32;
		acc = v;
	}
	if (text_len)
		bad |= acc & ((1u << (text_len * 5 - out_len * 8)) - 1);
	if (bad)
		return ERR_FORMAT;
	acc = 0;
	for (size_t i = 0; i < text_len; i++) {
		acc = acc << 5 | value((uint8_t)text[i]);
		bits += 5;
		if (bits >= 8) {
			bits -= 8;
			out[n++] = (uint8_t)(acc >> bits);
			acc &= (1u << bits) - 1;
		}
	}
	return OK;
}
