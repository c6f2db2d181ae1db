#include "sign.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

static void test_transcript_is_purpose_and_prefixed_fields(void **state)
{
	static const uint8_t want[] = "sotto/1 test"
		"\0\0\0\2ab" "\0\0\0\0" "\0\0\0\10\0\0\0\0\0\0\1\2";
	struct transcript t;

	(void)state;
	transcript_init(&t, "test");
	transcript_add(&t, "ab", 2);
	transcript_add(&t, NULL, 0);
	transcript_add_u64(&t, 0x102);
	assert_int_equal(t.len, sizeof(want) - 1);
	assert_memory_equal(t.data, want, t.len);
}

static void test_transcript_hash_of_a_known_one(void **state)
{
	/* printf 'sotto/1 test\0\0\0\2ab' | b2sum -l 256 */
	static const char want[] = "8802ddd8d147ae6aef28af6284b500bc613ac9f039f0a16904d6dab6318d3200";
	uint8_t hash[HASH_LEN];
	char hex[2 * HASH_LEN + 1];
	struct transcript t;

	(void)state;
	transcript_init(&t, "test");
	transcript_add(&t, "ab", 2);
	transcript_hash(&t, hash);
	sodium_bin2hex(hex, sizeof(hex), hash, sizeof(hash));
	assert_string_equal(hex, want);
}

static void test_transcript_signature_is_for_one_purpose(void **state)
{
	uint8_t public[SIGN_PUBLIC_LEN], secret[SIGN_SECRET_LEN], sig[SIGN_LEN];
	struct transcript t, other;

	(void)state;
	crypto_sign_keypair(public, secret);
	transcript_init(&t, "one");
	transcript_add(&t, "x", 1);
	transcript_sign(&t, secret, sig);
	assert_true(transcript_verify(&t, public, sig));

	transcript_init(&other, "two");
	transcript_add(&other, "x", 1);
	assert_false(transcript_verify(&other, public, sig));

	sig[10] ^= 1;
	assert_false(transcript_verify(&t, public, sig));
	sig[10] ^= 1;
	public[3] ^= 1;
	assert_false(transcript_verify(&t, public, sig));
}

/* The point of order one: with it any message would verify. */
static void test_transcript_verify_refuses_a_weak_key(void **state)
{
	uint8_t public[SIGN_PUBLIC_LEN] = { 1 }, sig[SIGN_LEN] = { 1 };
	struct transcript t;

	(void)state;
	transcript_init(&t, "one");
	assert_false(transcript_verify(&t, public, sig));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_transcript_is_purpose_and_prefixed_fields),
		cmocka_unit_test(test_transcript_hash_of_a_known_one),
		cmocka_unit_test(test_transcript_signature_is_for_one_purpose),
		cmocka_unit_test(test_transcript_verify_refuses_a_weak_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
