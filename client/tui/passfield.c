#include "passfield.h"

#include <sodium.h>

#include "buf.h"
#include "passphrase.h"
#include "secret.h"

struct passfield {
	struct secret *text;
	size_t len;
};

struct passfield *passfield_create(void)
{
	struct passfield *p = xcalloc(1, sizeof(*p));

	p->text = secret_create(PASSPHRASE_MAX);
	return p;
}

void passfield_destroy(struct passfield *p)
{
	if (p == NULL)
		return;
	secret_destroy(p->text);
	free(p);
}

static bool is_middle(uint8_t c)
{
	return (c & 0xC0) == 0x80;
}

void passfield_add(struct passfield *p, const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if ((uint8_t)text[i] >= 32 && text[i] != 127 && p->len < PASSPHRASE_MAX)
			p->text->data[p->len++] = (uint8_t)text[i];
}

void passfield_back(struct passfield *p)
{
	bool more = p->len > 0;

	while (more) {
		p->len--;
		more = p->len > 0 && is_middle(p->text->data[p->len]);
		p->text->data[p->len] = 0;
	}
}

void passfield_clear(struct passfield *p)
{
	sodium_memzero(p->text->data, PASSPHRASE_MAX);
	p->len = 0;
}

size_t passfield_chars(const struct passfield *p)
{
	size_t n = 0;

	for (size_t i = 0; i < p->len; i++)
		n += !is_middle(p->text->data[i]);
	return n;
}

bool passfield_equal(const struct passfield *a, const struct passfield *b)
{
	return a->len == b->len && sodium_memcmp(a->text->data, b->text->data,
						 PASSPHRASE_MAX) == 0;
}

int passfield_pipe(const struct passfield *p, int *fd)
{
	return passphrase_pipe(p->text->data, p->len, fd);
}
