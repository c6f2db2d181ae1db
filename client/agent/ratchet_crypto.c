#include "ratchet_crypto.h"

#include <limits.h>
#include <openssl/evp.h>
#include <signal/curve.h>
#include <signal/signal_protocol.h>
#include <sodium.h>

#include "buf.h"
#include "log.h"

enum { AES_KEY_LEN = 32, AES_BLOCK = 16 };

/* HMAC and SHA-512 are libsodium's: over the hundred bytes that the ratchet
 * hashes, OpenSSL's contexts cost more than its faster code saves. */
struct ratchet_crypto {
	signal_context *context;
	EVP_CIPHER *cbc;
	EVP_CIPHER *ctr;
	EVP_CIPHER_CTX *cipher;
};

static int random_bytes(uint8_t *data, size_t len, void *user)
{
	(void)user;
	randombytes_buf(data, len);
	return 0;
}

static int hmac_init(void **state, const uint8_t *key, size_t len, void *user)
{
	crypto_auth_hmacsha256_state *s = xmalloc(sizeof(*s));

	(void)user;
	crypto_auth_hmacsha256_init(s, key, len);
	*state = s;
	return 0;
}

static int hmac_update(void *state, const uint8_t *data, size_t len, void *user)
{
	(void)user;
	crypto_auth_hmacsha256_update(state, data, len);
	return 0;
}

static int hmac_final(void *state, signal_buffer **out, void *user)
{
	uint8_t mac[crypto_auth_hmacsha256_BYTES];

	(void)user;
	crypto_auth_hmacsha256_final(state, mac);
	*out = signal_buffer_create(mac, sizeof(mac));
	sodium_memzero(mac, sizeof(mac));
	return *out ? 0 : SG_ERR_NOMEM;
}

static void hmac_cleanup(void *state, void *user)
{
	(void)user;
	if (state)
		sodium_memzero(state, sizeof(crypto_auth_hmacsha256_state));
	free(state);
}

static int sha512_init(void **state, void *user)
{
	crypto_hash_sha512_state *s = xmalloc(sizeof(*s));

	(void)user;
	crypto_hash_sha512_init(s);
	*state = s;
	return 0;
}

static int sha512_update(void *state, const uint8_t *data, size_t len,
			 void *user)
{
	(void)user;
	crypto_hash_sha512_update(state, data, len);
	return 0;
}

static int sha512_final(void *state, signal_buffer **out, void *user)
{
	uint8_t hash[crypto_hash_sha512_BYTES];

	(void)user;
	crypto_hash_sha512_final(state, hash);
	crypto_hash_sha512_init(state);	/* ready for the next */
	*out = signal_buffer_create(hash, sizeof(hash));
	sodium_memzero(hash, sizeof(hash));
	return *out ? 0 : SG_ERR_NOMEM;
}

static void sha512_cleanup(void *state, void *user)
{
	(void)user;
	if (state)
		sodium_memzero(state, sizeof(crypto_hash_sha512_state));
	free(state);
}

struct aes_job {
	int kind;
	const uint8_t *key, *iv, *in;
	size_t key_len, iv_len, len;
	bool encrypt;
};

static int aes_run(struct ratchet_crypto *c, const struct aes_job *j,
		   signal_buffer **out)
{
	const EVP_CIPHER *cipher = j->kind == SG_CIPHER_AES_CBC_PKCS5 ?
				   c->cbc : c->ctr;
	signal_buffer *b;
	int n = 0, last = 0, r = SG_ERR_UNKNOWN;
	uint8_t *to;

	if ((j->kind != SG_CIPHER_AES_CBC_PKCS5 &&
	     j->kind != SG_CIPHER_AES_CTR_NOPADDING) ||
	    j->key_len != AES_KEY_LEN || j->iv_len != AES_BLOCK ||
	    j->len > INT_MAX - AES_BLOCK)
		return SG_ERR_INVAL;
	to = xmalloc(j->len + AES_BLOCK);
	if (EVP_CipherInit_ex2(c->cipher, cipher, j->key, j->iv, j->encrypt,
			       NULL) == 1 &&
	    EVP_CipherUpdate(c->cipher, to, &n, j->in, (int)j->len) == 1 &&
	    EVP_CipherFinal_ex(c->cipher, to + n, &last) == 1) {
		b = signal_buffer_create(to, (size_t)(n + last));
		r = b ? 0 : SG_ERR_NOMEM;
		if (b)
			*out = b;
	}
	sodium_memzero(to, j->len + AES_BLOCK);
	free(to);
	EVP_CIPHER_CTX_reset(c->cipher);	/* the key goes */
	return r;
}

static int aes_encrypt(signal_buffer **out, int kind, const uint8_t *key,
		       size_t key_len, const uint8_t *iv, size_t iv_len,
		       const uint8_t *in, size_t len, void *user)
{
	const struct aes_job j = { .kind = kind, .key = key, .iv = iv,
				   .in = in, .key_len = key_len,
				   .iv_len = iv_len, .len = len,
				   .encrypt = true };

	return aes_run(user, &j, out);
}

static int aes_decrypt(signal_buffer **out, int kind, const uint8_t *key,
		       size_t key_len, const uint8_t *iv, size_t iv_len,
		       const uint8_t *in, size_t len, void *user)
{
	const struct aes_job j = { .kind = kind, .key = key, .iv = iv,
				   .in = in, .key_len = key_len,
				   .iv_len = iv_len, .len = len };

	return aes_run(user, &j, out);
}

int ratchet_crypto_create(struct ratchet_crypto **out)
{
	struct ratchet_crypto *c = xcalloc(1, sizeof(*c));
	const signal_crypto_provider provider = {
		.random_func = random_bytes,
		.hmac_sha256_init_func = hmac_init,
		.hmac_sha256_update_func = hmac_update,
		.hmac_sha256_final_func = hmac_final,
		.hmac_sha256_cleanup_func = hmac_cleanup,
		.sha512_digest_init_func = sha512_init,
		.sha512_digest_update_func = sha512_update,
		.sha512_digest_final_func = sha512_final,
		.sha512_digest_cleanup_func = sha512_cleanup,
		.encrypt_func = aes_encrypt,
		.decrypt_func = aes_decrypt,
		.user_data = c,
	};

	/* Fetched once: each EVP_aes_… by name would be looked up at every use. */
	c->cbc = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	c->ctr = EVP_CIPHER_fetch(NULL, "AES-256-CTR", NULL);
	c->cipher = EVP_CIPHER_CTX_new();
	if (!c->cbc || !c->ctr || !c->cipher ||
	    signal_context_create(&c->context, NULL) != 0 ||
	    signal_context_set_crypto_provider(c->context, &provider) != 0) {
		log_error("OpenSSL has no AES here");
		ratchet_crypto_destroy(c);
		return ERR_SYSTEM;
	}
	*out = c;
	return OK;
}

void ratchet_crypto_destroy(struct ratchet_crypto *c)
{
	if (!c)
		return;
	if (c->context)
		signal_context_destroy(c->context);
	EVP_CIPHER_CTX_free(c->cipher);
	EVP_CIPHER_free(c->cbc);
	EVP_CIPHER_free(c->ctr);
	free(c);
}

struct signal_context *ratchet_crypto_context(struct ratchet_crypto *c)
{
	return c->context;
}

void ratchet_crypto_key(uint8_t secret[static CURVE_SECRET_LEN],
			uint8_t public_key[static IDENTITY_KEY_LEN])
{
	secret[0] &= 248;
	secret[31] &= 127;
	secret[31] |= 64;
	public_key[0] = 0x05;
	crypto_scalarmult_curve25519_base(public_key + 1, secret);
}

int ratchet_crypto_sign(struct ratchet_crypto *c,
			const uint8_t secret[static CURVE_SECRET_LEN],
			const uint8_t *data, size_t len,
			uint8_t out[static XEDDSA_LEN])
{
	signal_buffer *signature = NULL;
	ec_private_key *key = NULL;
	int r = ERR_SYSTEM;

	if (curve_decode_private_point(&key, secret, CURVE_SECRET_LEN,
				       c->context) != 0 ||
	    curve_calculate_signature(c->context, &signature, key, data,
				      len) != 0 ||
	    signal_buffer_len(signature) != XEDDSA_LEN)
		goto out;
	memcpy(out, signal_buffer_const_data(signature), XEDDSA_LEN);
	r = OK;
out:
	signal_buffer_free(signature);
	SIGNAL_UNREF(key);
	return r;
}
