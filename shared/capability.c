#include "capability.h"

#include <assert.h>
#include <sodium.h>

#include "buf.h"

/* version (1), class (1), id (12), expiry (3, big-endian), MAC (16) */
enum {
	VERSION = 1,
	AT_CLASS = 1,
	AT_ID = 2,
	AT_EXPIRY = AT_ID + CAPABILITY_ID_LEN,
	AT_MAC = AT_EXPIRY + 3,
	MAC_LEN = CAPABILITY_LEN - AT_MAC,
	EXPIRY_MAX = 0xffffff,
	BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

static void mac(const uint8_t head[static AT_MAC],
		const struct account_id *account,
		const uint8_t key[static CAPABILITY_KEY_LEN],
		uint8_t out[static MAC_LEN])
{
	struct transcript t;
	uint8_t hash[HASH_LEN];

	transcript_init(&t, "capability");
	transcript_add(&t, account->b, sizeof(account->b));
	transcript_add(&t, head, AT_MAC);
	crypto_generichash(hash, sizeof(hash), t.data, t.len, key,
			   CAPABILITY_KEY_LEN);
	memcpy(out, hash, MAC_LEN);
	sodium_memzero(hash, sizeof(hash));
}

void capability_mint(const struct capability *c,
		     const struct account_id *account,
		     const uint8_t key[static CAPABILITY_KEY_LEN],
		     uint8_t out[static CAPABILITY_LEN])
{
	assert(c->class >= CAP_INTRO && c->class <= CAP_GROUP);
	assert(c->expiry <= EXPIRY_MAX);
	out[0] = VERSION;
	out[AT_CLASS] = (uint8_t)c->class;
	memcpy(out + AT_ID, c->id, CAPABILITY_ID_LEN);
	out[AT_EXPIRY] = (uint8_t)(c->expiry >> 16);
	out[AT_EXPIRY + 1] = (uint8_t)(c->expiry >> 8);
	out[AT_EXPIRY + 2] = (uint8_t)c->expiry;
	mac(out, account, key, out + AT_MAC);
}

int capability_read(const uint8_t *in, size_t len, struct capability *out)
{
	if (len != CAPABILITY_LEN || in[0] != VERSION ||
	    in[AT_CLASS] < CAP_INTRO || in[AT_CLASS] > CAP_GROUP)
		return ERR_FORMAT;
	out->class = in[AT_CLASS];
	memcpy(out->id, in + AT_ID, CAPABILITY_ID_LEN);
	out->expiry = (uint32_t)in[AT_EXPIRY] << 16 |
		      (uint32_t)in[AT_EXPIRY + 1] << 8 | in[AT_EXPIRY + 2];
	return OK;
}

int capability_check(const uint8_t *in, size_t len,
		     const struct account_id *account,
		     const uint8_t key[static CAPABILITY_KEY_LEN],
		     uint32_t now_hours, struct capability *out)
{
	struct capability c;
	uint8_t want[MAC_LEN];
	int r;

	r = capability_read(in, len, &c);
	if (r < 0)
		return r;
	mac(in, account, key, want);
	if (sodium_memcmp(want, in + AT_MAC, MAC_LEN) != 0)
		return ERR_SIGNATURE;
	if (now_hours >= c.expiry)
		return ERR_STALE;
	*out = c;
	return OK;
}

void capability_text(const uint8_t in[static CAPABILITY_LEN],
		     char text[static CAPABILITY_TEXT_LEN + 1])
{
	sodium_bin2base64(text, CAPABILITY_TEXT_LEN + 1, in, CAPABILITY_LEN,
			  BASE64);
}

int capability_parse(const char *text, size_t len,
		     uint8_t out[static CAPABILITY_LEN])
{
	uint8_t data[CAPABILITY_LEN];
	char back[CAPABILITY_TEXT_LEN + 1];
	struct capability form;
	size_t n;

	if (len != CAPABILITY_TEXT_LEN ||
	    sodium_base642bin(data, sizeof(data), text, len, NULL, &n, NULL,
			      BASE64) != 0 || n != CAPABILITY_LEN)
		return ERR_FORMAT;
	/* libsodium 1.0.18 takes some bytes from 0x80 on for digits. */
	capability_text(data, back);
	if (memcmp(back, text, CAPABILITY_TEXT_LEN) != 0)
		return ERR_FORMAT;
	if (capability_read(data, n, &form) < 0)
		return ERR_FORMAT;
	memcpy(out, data, sizeof(data));
	return OK;
}
