#include "envelope.h"

#include <assert.h>
#include <sodium.h>

#include "frame.h"

enum {
	NONCE_BYTES = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	TAG_BYTES = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	BUCKET_MAX = 32768,
	SEALED_SMALL = 320 - crypto_box_MACBYTES,
	SEALED_LARGE = 2048 - crypto_box_MACBYTES,
	DEVICE_ID_MAX = 0x7fffffff,
};

static const size_t buckets[] = { 512, 2048, 8192, BUCKET_MAX };

/* The smallest bucket for len bytes and one of padding; 0 when there is none. */
static size_t bucket_of(size_t len)
{
	for (size_t i = 0; i < sizeof(buckets) / sizeof(buckets[0]); i++)
		if (len < buckets[i])
			return buckets[i];
	return 0;
}

static bool is_bucket(size_t len)
{
	return len && bucket_of(len - 1) == len;
}

/* Packs m into exactly size bytes, ISO/IEC 7816-4. It must be shorter. */
static void pack_padded(const ProtobufCMessage *m, uint8_t *out, size_t size)
{
	size_t len = protobuf_c_message_pack(m, out);

	assert(len < size);
	out[len] = 0x80;
	memset(out + len + 1, 0, size - len - 1);
}

int envelope_encrypt(const struct sys *sys, const Sotto__Content *content,
		     uint8_t secret[static CONTENT_SECRET_LEN],
		     struct buf *payload)
{
	size_t size = bucket_of(sotto__content__get_packed_size(content));
	uint8_t *to, *text;

	if (!size)
		return ERR_TOO_BIG;
	to = buf_reserve(payload, NONCE_BYTES + size + TAG_BYTES);
	if (!to)
		return ERR_TOO_BIG;
	sys_random(sys, secret, CONTENT_KEY_LEN);
	sys_random(sys, to, NONCE_BYTES);
	text = to + NONCE_BYTES;
	pack_padded(&content->base, text, size);
	crypto_aead_xchacha20poly1305_ietf_encrypt(text, NULL, text, size, NULL,
						   0, NULL, to, secret);
	payload->len += NONCE_BYTES + size + TAG_BYTES;
	crypto_generichash(secret + CONTENT_KEY_LEN, HASH_LEN, to,
			   NONCE_BYTES + size + TAG_BYTES, NULL, 0);
	return OK;
}

int envelope_decrypt(const uint8_t secret[static CONTENT_SECRET_LEN],
		     const uint8_t *payload, size_t len,
		     Sotto__Content **content)
{
	size_t size = len - NONCE_BYTES - TAG_BYTES;
	uint8_t hash[HASH_LEN], *text;
	Sotto__Content *c = NULL;
	int r = ERR_SIGNATURE;

	crypto_generichash(hash, sizeof(hash), payload, len, NULL, 0);
	if (sodium_memcmp(hash, secret + CONTENT_KEY_LEN, HASH_LEN) != 0)
		return ERR_SIGNATURE;
	if (len < NONCE_BYTES + TAG_BYTES || !is_bucket(size))
		return ERR_FORMAT;
	text = xmalloc(size);
	if (crypto_aead_xchacha20poly1305_ietf_decrypt(
		    text, NULL, NULL, payload + NONCE_BYTES, len - NONCE_BYTES,
		    NULL, 0, payload, secret) != 0)
		goto out;
	r = ERR_FORMAT;
	if (sodium_unpad(&len, text, size, size) != 0)
		goto out;
	c = sotto__content__unpack(NULL, len, text);
	if (!c)
		goto out;
	*content = c;
	r = OK;
out:
	sodium_memzero(text, size);
	free(text);
	return r;
}

/* One ephemeral key seals to many recipients, each with its own shared key: the
 * nonce may be derived. */
static void seal_nonce(const uint8_t ephemeral[static 32],
		       const uint8_t recipient[static SEAL_KEY_LEN],
		       uint8_t out[static crypto_box_NONCEBYTES])
{
	crypto_generichash_state s;

	crypto_generichash_init(&s, NULL, 0, crypto_box_NONCEBYTES);
	crypto_generichash_update(&s, ephemeral, 32);
	crypto_generichash_update(&s, recipient, SEAL_KEY_LEN);
	crypto_generichash_final(&s, out, crypto_box_NONCEBYTES);
}

int envelope_seal(const Sotto__Sealed *sealed,
		  const uint8_t ephemeral_public[static 32],
		  const uint8_t ephemeral_secret[static 32],
		  const uint8_t seal_key[static SEAL_KEY_LEN], struct buf *out)
{
	size_t size = sealed->list ? SEALED_LARGE : SEALED_SMALL;
	uint8_t nonce[crypto_box_NONCEBYTES], text[SEALED_LARGE], *to;
	int r;

	if (sotto__sealed__get_packed_size(sealed) >= size)
		return ERR_TOO_BIG;
	to = buf_reserve(out, size + crypto_box_MACBYTES);
	if (!to)
		return ERR_TOO_BIG;
	pack_padded(&sealed->base, text, size);
	seal_nonce(ephemeral_public, seal_key, nonce);
	r = crypto_box_easy(to, text, size, nonce, seal_key, ephemeral_secret);
	if (r == 0)
		out->len += size + crypto_box_MACBYTES;
	return r == 0 ? OK : ERR_SIGNATURE;
}

static int sealed_check(const Sotto__Sealed *s)
{
	if (s->suite < 1 || s->account.len != ACCOUNT_LEN || s->device < 1 ||
	    s->device > DEVICE_ID_MAX || s->list_hash.len != HASH_LEN ||
	    (s->kind != SOTTO__SEALED_KIND__RATCHET &&
	     s->kind != SOTTO__SEALED_KIND__PREKEY) || !s->body.len)
		return ERR_FORMAT;
	return OK;
}

int envelope_unseal(const uint8_t ephemeral_public[static 32],
		    const uint8_t *sealed, size_t len,
		    const struct seal_pair *pairs, size_t n_pairs,
		    Sotto__Sealed **out)
{
	uint8_t nonce[crypto_box_NONCEBYTES], text[SEALED_MAX];
	Sotto__Sealed *s;
	size_t size, i;

	if (len <= crypto_box_MACBYTES || len > SEALED_MAX)
		return ERR_FORMAT;
	size = len - crypto_box_MACBYTES;
	for (i = 0; i < n_pairs; i++) {
		seal_nonce(ephemeral_public, pairs[i].public_key, nonce);
		if (crypto_box_open_easy(text, sealed, len, nonce,
					 ephemeral_public,
					 pairs[i].secret_key) == 0)
			break;
	}
	if (i == n_pairs)
		return ERR_SIGNATURE;
	if (sodium_unpad(&len, text, size, size) != 0)
		return ERR_FORMAT;
	s = sotto__sealed__unpack(NULL, len, text);
	if (!s)
		return ERR_FORMAT;
	if (sealed_check(s) < 0) {
		sotto__sealed__free_unpacked(s, NULL);
		return ERR_FORMAT;
	}
	*out = s;
	return OK;
}
