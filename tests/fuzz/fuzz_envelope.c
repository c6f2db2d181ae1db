/* component: agent. Envelopes: sealed parts and payloads as they come, and what a
 * sender who has the keys can put into them. The first byte chooses. */
#include <assert.h>
#include <sodium.h>

#include "envelope.h"
#include "frame.h"
#include "words.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

enum {
	AEAD_NONCE = crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	AEAD_TAG = crypto_aead_xchacha20poly1305_ietf_ABYTES,
	BUCKET_MAX = 32768,
};

static struct seal_pair pair;
static uint8_t ephemeral_public[32], ephemeral_secret[32];

static void init(void)
{
	static const uint8_t seeds[2][32] = { { 1 }, { 2 } };
	int r = sodium_init();

	assert(r >= 0);
	crypto_box_seed_keypair(pair.public_key, pair.secret_key, seeds[0]);
	crypto_box_seed_keypair(ephemeral_public, ephemeral_secret, seeds[1]);
}

/* Seals any bytes as envelope_seal does a Sealed. */
static void try_sealed(const uint8_t *data, size_t len)
{
	uint8_t nonce[crypto_box_NONCEBYTES], keys[64], out[SEALED_MAX];
	uint8_t text[SEALED_MAX - crypto_box_MACBYTES] = { 0 };
	Sotto__Sealed *s = NULL;

	if (len >= sizeof(text))
		return;
	if (len)
		memcpy(text, data, len);
	text[len] = 0x80;
	memcpy(keys, ephemeral_public, 32);
	memcpy(keys + 32, pair.public_key, 32);
	crypto_generichash(nonce, sizeof(nonce), keys, sizeof(keys), NULL, 0);
	if (crypto_box_easy(out, text, sizeof(text), nonce, pair.public_key,
			    ephemeral_secret) != 0)
		abort();
	if (envelope_unseal(ephemeral_public, out, sizeof(out), &pair, 1,
			    &s) < 0)
		return;
	assert(s->suite >= 1 && s->account.len == ACCOUNT_LEN);
	assert(s->device >= 1 && s->list_hash.len == HASH_LEN && s->body.len);
	sotto__sealed__free_unpacked(s, NULL);
}

static void use_content(Sotto__Content *c)
{
	const struct account_id sender = { { 1 } };
	uint8_t secret[CONTENT_SECRET_LEN], hash[HASH_LEN], again[HASH_LEN];
	Sotto__Content *back;
	struct buf payload;
	int r;

	if (content_check(c) < 0)
		return;
	content_hash(c, &sender, hash);
	if (c->text)
		free(words_index(c->text->body));
	buf_init(&payload, PAYLOAD_MAX);
	r = envelope_encrypt(&sys_real, c, secret, &payload);
	/* protobuf-c does not read every unknown field back that it writes. */
	if (r == OK &&
	    envelope_decrypt(secret, payload.data, payload.len, &back) == OK) {
		r = content_check(back);
		assert(r == OK);
		content_hash(back, &sender, again);
		assert(memcmp(hash, again, HASH_LEN) == 0);
		sotto__content__free_unpacked(back, NULL);
	}
	buf_finish(&payload);
}

/* Encrypts any bytes as envelope_encrypt does a Content. */
static void try_content(const uint8_t *data, size_t len)
{
	static uint8_t payload[AEAD_NONCE + BUCKET_MAX + AEAD_TAG];
	static const size_t buckets[] = { 512, 2048, 8192, BUCKET_MAX };
	uint8_t secret[CONTENT_SECRET_LEN] = { 3 };
	uint8_t *text = payload + AEAD_NONCE;
	Sotto__Content *c = NULL;
	size_t size, i = 0;

	if (len >= BUCKET_MAX)
		return;
	while (buckets[i] <= len)
		i++;
	size = buckets[i];
	memset(payload, 0, AEAD_NONCE + size);
	if (len)
		memcpy(text, data, len);
	text[len] = 0x80;
	crypto_aead_xchacha20poly1305_ietf_encrypt(text, NULL, text, size, NULL,
						   0, NULL, payload, secret);
	size += AEAD_NONCE + AEAD_TAG;
	crypto_generichash(secret + CONTENT_KEY_LEN, HASH_LEN, payload, size,
			   NULL, 0);
	if (envelope_decrypt(secret, payload, size, &c) < 0)
		return;
	use_content(c);
	sotto__content__free_unpacked(c, NULL);
}

/* As a stranger can send it. */
static void try_raw(const uint8_t *data, size_t len)
{
	uint8_t secret[CONTENT_SECRET_LEN] = { 3 };
	Sotto__Content *c = NULL;
	Sotto__Sealed *s = NULL;

	if (envelope_unseal(ephemeral_public, data, len, &pair, 1, &s) == OK)
		sotto__sealed__free_unpacked(s, NULL);
	crypto_generichash(secret + CONTENT_KEY_LEN, HASH_LEN, data, len, NULL,
			   0);
	if (envelope_decrypt(secret, data, len, &c) == OK)
		sotto__content__free_unpacked(c, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static bool ready;

	if (!ready)
		init();
	ready = true;
	if (!len)
		return 0;
	switch (data[0] % 3) {
	case 0:
		try_sealed(data + 1, len - 1);
		break;
	case 1:
		try_content(data + 1, len - 1);
		break;
	case 2:
		try_raw(data + 1, len - 1);
		break;
	}
	return 0;
}
