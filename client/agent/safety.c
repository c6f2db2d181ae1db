#include <sodium.h>

#include "account.h"
#include "keys.h"

enum {
	ROUNDS = 5200,
	GROUPS = 6,		/* of each side */
	DIGITS = 5,
	SIDE_LEN = GROUPS * DIGITS,
};

/* One side's digits: libsignal-protocol-java, NumericFingerprintGenerator,
 * version 0. The root key is an Ed25519 key and has no type byte; the stable
 * identifier is the account id. */
static void side(const uint8_t root[static SIGN_PUBLIC_LEN],
		 char out[static SIDE_LEN + 1])
{
	static const uint8_t version[2] = { 0, 0 };
	struct account_id account = account_from_root(root);
	uint8_t hash[crypto_hash_sha512_BYTES];
	crypto_hash_sha512_state s;

	crypto_hash_sha512_init(&s);
	crypto_hash_sha512_update(&s, version, sizeof(version));
	crypto_hash_sha512_update(&s, root, SIGN_PUBLIC_LEN);
	crypto_hash_sha512_update(&s, account.b, sizeof(account.b));
	crypto_hash_sha512_update(&s, root, SIGN_PUBLIC_LEN);
	crypto_hash_sha512_final(&s, hash);
	for (int i = 1; i < ROUNDS; i++) {
		crypto_hash_sha512_init(&s);
		crypto_hash_sha512_update(&s, hash, sizeof(hash));
		crypto_hash_sha512_update(&s, root, SIGN_PUBLIC_LEN);
		crypto_hash_sha512_final(&s, hash);
	}
	for (int g = 0; g < GROUPS; g++) {
		uint64_t v = 0;

		for (int i = 0; i < 5; i++)
			v = v << 8 | hash[5 * g + i];
		snprintf(out + g * DIGITS, DIGITS + 1, "%05u",
			 (unsigned)(v % 100000));
	}
}

void safety_number(const uint8_t own_root[static SIGN_PUBLIC_LEN],
		   const uint8_t their_root[static SIGN_PUBLIC_LEN],
		   char out[static 72])
{
	char own[SIDE_LEN + 1], their[SIDE_LEN + 1];
	const char *first = own, *second = their;

	side(own_root, own);
	side(their_root, their);
	if (strcmp(own, their) > 0) {
		first = their;
		second = own;
	}
	for (int g = 0; g < 2 * GROUPS; g++) {
		const char *from = g < GROUPS ? first + g * DIGITS :
				   second + (g - GROUPS) * DIGITS;

		memcpy(out + g * (DIGITS + 1), from, DIGITS);
		out[g * (DIGITS + 1) + DIGITS] = ' ';
	}
	out[2 * GROUPS * (DIGITS + 1) - 1] = '\0';
}
