#include "account.h"

#include <sodium.h>

#include "buf.h"

enum {
	CHECKSUM_LEN = 3,
	RECOVERY_LEN = RECOVERY_SEED_LEN + CHECKSUM_LEN,
	RECOVERY_DIGITS = BASE32_LEN(RECOVERY_LEN),
	RECOVERY_GROUP = 7,
};

struct account_id account_from_root(const uint8_t root[static SIGN_PUBLIC_LEN])
{
	struct account_id a;
	uint8_t hash[HASH_LEN];

	crypto_generichash(hash, sizeof(hash), root, SIGN_PUBLIC_LEN, NULL, 0);
	memcpy(a.b, hash, sizeof(a.b));
	return a;
}

bool account_equal(const struct account_id *a, const struct account_id *b)
{
	return account_compare(a, b) == 0;
}

int account_compare(const struct account_id *a, const struct account_id *b)
{
	return memcmp(a->b, b->b, sizeof(a->b));
}

void account_text(const struct account_id *a,
		  char text[static ACCOUNT_TEXT_LEN + 1])
{
	base32_encode(a->b, sizeof(a->b), text);
}

int account_parse(const char *text, struct account_id *out)
{
	return base32_decode(text, strlen(text), out->b, sizeof(out->b));
}

/* The first bytes of BLAKE2b-256 of the seed. */
static void checksum(const uint8_t *seed, uint8_t out[static CHECKSUM_LEN])
{
	uint8_t hash[HASH_LEN];

	crypto_generichash(hash, sizeof(hash), seed, RECOVERY_SEED_LEN, NULL, 0);
	memcpy(out, hash, CHECKSUM_LEN);
	sodium_memzero(hash, sizeof(hash));
}

void recovery_text(const uint8_t seed[static RECOVERY_SEED_LEN],
		   char text[static RECOVERY_TEXT_LEN + 1])
{
	uint8_t data[RECOVERY_LEN];
	char digits[RECOVERY_DIGITS + 1];
	char *to = text;

	memcpy(data, seed, RECOVERY_SEED_LEN);
	checksum(seed, data + RECOVERY_SEED_LEN);
	base32_encode(data, sizeof(data), digits);
	for (int i = 0; i < RECOVERY_DIGITS; i++) {
		if (i && i % RECOVERY_GROUP == 0)
			*to++ = '-';
		*to++ = digits[i];
	}
	*to = '\0';
	sodium_memzero(data, sizeof(data));
	sodium_memzero(digits, sizeof(digits));
}

static bool is_separator(char c)
{
	return c == '-' || c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

int recovery_parse(const char *text, uint8_t seed[static RECOVERY_SEED_LEN])
{
	uint8_t data[RECOVERY_LEN], sum[CHECKSUM_LEN];
	char digits[RECOVERY_DIGITS];
	size_t n = 0;
	int r = ERR_FORMAT;

	for (; *text; text++) {
		if (is_separator(*text))
			continue;
		if (n == sizeof(digits))
			goto out;
		digits[n++] = *text;
	}
	r = base32_decode(digits, n, data, sizeof(data));
	if (r < 0)
		goto out;
	checksum(data, sum);
	r = ERR_SIGNATURE;
	if (sodium_memcmp(sum, data + RECOVERY_SEED_LEN, sizeof(sum)) != 0)
		goto out;
	memcpy(seed, data, RECOVERY_SEED_LEN);
	r = OK;
out:
	sodium_memzero(data, sizeof(data));
	sodium_memzero(digits, sizeof(digits));
	return r;
}
