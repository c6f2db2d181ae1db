#include "sign.h"

#include <assert.h>
#include <sodium.h>

#include "buf.h"

static void add_raw(struct transcript *t, const void *data, size_t len)
{
	assert(len <= TRANSCRIPT_MAX - t->len);
	if (len)
		memcpy(t->data + t->len, data, len);
	t->len += len;
}

/* The purpose has no length before it and needs none: it holds no zero byte, and
 * the length of a field under 16 MiB begins with one. */
void transcript_init(struct transcript *t, const char *purpose)
{
	t->len = 0;
	add_raw(t, "sotto/1 ", 8);
	add_raw(t, purpose, strlen(purpose));
}

void transcript_add(struct transcript *t, const void *data, size_t len)
{
	uint8_t prefix[4];

	assert(len <= TRANSCRIPT_MAX);
	put_u32(prefix, (uint32_t)len);
	add_raw(t, prefix, sizeof(prefix));
	add_raw(t, data, len);
}

void transcript_add_u64(struct transcript *t, uint64_t v)
{
	uint8_t bytes[8];

	put_u64(bytes, v);
	transcript_add(t, bytes, sizeof(bytes));
}

void transcript_hash(const struct transcript *t, uint8_t out[static HASH_LEN])
{
	crypto_generichash(out, HASH_LEN, t->data, t->len, NULL, 0);
}

void transcript_sign(const struct transcript *t,
		     const uint8_t secret[static SIGN_SECRET_LEN],
		     uint8_t out[static SIGN_LEN])
{
	crypto_sign_detached(out, NULL, t->data, t->len, secret);
}

bool transcript_verify(const struct transcript *t,
		       const uint8_t public_key[static SIGN_PUBLIC_LEN],
		       const uint8_t signature[static SIGN_LEN])
{
	return crypto_sign_verify_detached(signature, t->data, t->len,
					   public_key) == 0;
}
