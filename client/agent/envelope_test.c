#include "envelope.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>
#include <sodium.h>

#include "capability.h"
#include "frame.h"

static uint8_t id16[16] = { 7 };
static uint8_t hash32[32] = { 9 };

static ProtobufCBinaryData bin(uint8_t *data, size_t len)
{
	return (ProtobufCBinaryData){ len, data };
}

/* A text that content_check accepts. */
static void make_content(Sotto__Content *c, Sotto__Text *t, char *text)
{
	sotto__content__init(c);
	sotto__text__init(t);
	t->body = text;
	c->text = t;
	c->message = bin(id16, 16);
	c->conversation = bin(hash32, 32);
	c->device = 1;
	c->counter = 2;
	c->previous = bin(hash32, 32);
	c->clock = 5;
	c->list_version = 1;
	c->list_epoch = 1;
}

static void round_trip(const char *text, size_t payload_len)
{
	uint8_t secret[CONTENT_SECRET_LEN];
	Sotto__Content c, *got;
	Sotto__Text t;
	struct buf b;
	char *copy = xstrdup(text);

	make_content(&c, &t, copy);
	buf_init(&b, PAYLOAD_MAX);
	assert_int_equal(envelope_encrypt(&sys_real, &c, secret, &b), OK);
	assert_int_equal(b.len, payload_len);
	assert_int_equal(envelope_decrypt(secret, b.data, b.len, &got), OK);
	assert_int_equal(content_check(got), OK);
	assert_string_equal(got->text->body, text);
	sotto__content__free_unpacked(got, NULL);
	buf_finish(&b);
	free(copy);
}

static void test_envelope_payload_comes_in_buckets(void **state)
{
	char *longest = xmalloc(TEXT_MAX + 1);

	(void)state;
	round_trip("x", 512 + 40);
	memset(longest, 'a', TEXT_MAX);
	longest[TEXT_MAX] = '\0';
	round_trip(longest, 32768 + 40);
	longest[2000] = '\0';
	round_trip(longest, 8192 + 40);
	longest[1000] = '\0';
	round_trip(longest, 2048 + 40);
	free(longest);
}

/* The padding is never left out: a content that fills a bucket takes the next. */
static void test_envelope_full_bucket_takes_the_next(void **state)
{
	char text[512];
	Sotto__Content c;
	Sotto__Text t;
	size_t head;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[400] = '\0';
	make_content(&c, &t, text);
	head = sotto__content__get_packed_size(&c) - 400;
	memset(text, 'a', sizeof(text));
	text[511 - head] = '\0';
	round_trip(text, 512 + 40);
	memset(text, 'a', sizeof(text));
	text[512 - head] = '\0';
	round_trip(text, 2048 + 40);
}

static void test_envelope_payload_over_the_largest_bucket(void **state)
{
	uint8_t secret[CONTENT_SECRET_LEN];
	char *text = xmalloc(40001);
	Sotto__Content c;
	Sotto__Text t;
	struct buf b;

	(void)state;
	memset(text, 'a', 40000);
	text[40000] = '\0';
	make_content(&c, &t, text);
	buf_init(&b, 1 << 20);
	assert_int_equal(envelope_encrypt(&sys_real, &c, secret, &b),
			 ERR_TOO_BIG);
	assert_int_equal(b.len, 0);
	buf_finish(&b);
	free(text);
}

static void test_envelope_swapped_payload_is_refused(void **state)
{
	uint8_t secret[CONTENT_SECRET_LEN], other[CONTENT_SECRET_LEN];
	Sotto__Content c, *got = NULL;
	char text[] = "hello";
	struct buf a, b;
	Sotto__Text t;

	(void)state;
	make_content(&c, &t, text);
	buf_init(&a, PAYLOAD_MAX);
	buf_init(&b, PAYLOAD_MAX);
	assert_int_equal(envelope_encrypt(&sys_real, &c, secret, &a), OK);
	assert_int_equal(envelope_encrypt(&sys_real, &c, other, &b), OK);
	assert_int_equal(envelope_decrypt(secret, b.data, b.len, &got),
			 ERR_SIGNATURE);
	assert_int_equal(envelope_decrypt(secret, a.data, a.len - 1, &got),
			 ERR_SIGNATURE);
	assert_int_equal(envelope_decrypt(secret, NULL, 0, &got),
			 ERR_SIGNATURE);
	a.data[100] ^= 1;
	assert_int_equal(envelope_decrypt(secret, a.data, a.len, &got),
			 ERR_SIGNATURE);
	assert_null(got);
	buf_finish(&a);
	buf_finish(&b);
}

struct seal_fixture {
	uint8_t ephemeral_public[32], ephemeral_secret[32];
	struct seal_pair pairs[2];
	uint8_t account[20], body[200];
	Sotto__Sealed s;
	struct buf out;
};

static void make_seal(struct seal_fixture *f)
{
	crypto_box_keypair(f->ephemeral_public, f->ephemeral_secret);
	for (int i = 0; i < 2; i++)
		crypto_box_keypair(f->pairs[i].public_key,
				   f->pairs[i].secret_key);
	memset(f->account, 3, sizeof(f->account));
	memset(f->body, 4, sizeof(f->body));
	sotto__sealed__init(&f->s);
	f->s.suite = 1;
	f->s.account = bin(f->account, sizeof(f->account));
	f->s.device = 0x7fffffff;
	f->s.list_hash = bin(hash32, 32);
	f->s.kind = SOTTO__SEALED_KIND__PREKEY;
	f->s.body = bin(f->body, sizeof(f->body));
	buf_init(&f->out, SEALED_MAX);
}

static int seal(struct seal_fixture *f, int to)
{
	return envelope_seal(&f->s, f->ephemeral_public, f->ephemeral_secret,
			     f->pairs[to].public_key, &f->out);
}

static int unseal(struct seal_fixture *f, size_t n, Sotto__Sealed **got)
{
	return envelope_unseal(f->ephemeral_public, f->out.data, f->out.len,
			       f->pairs, n, got);
}

static void test_envelope_seal_opens_with_an_older_pair_too(void **state)
{
	struct seal_fixture f;
	Sotto__Sealed *got = NULL;

	(void)state;
	make_seal(&f);
	assert_int_equal(seal(&f, 1), OK);
	assert_int_equal(f.out.len, 320);
	assert_int_equal(unseal(&f, 2, &got), OK);
	assert_int_equal(got->device, 0x7fffffff);
	assert_int_equal(got->body.len, sizeof(f.body));
	sotto__sealed__free_unpacked(got, NULL);
	got = NULL;
	assert_int_equal(unseal(&f, 1, &got), ERR_SIGNATURE);
	f.out.data[50] ^= 1;
	assert_int_equal(unseal(&f, 2, &got), ERR_SIGNATURE);
	f.out.len = 10;
	assert_int_equal(unseal(&f, 2, &got), ERR_FORMAT);
	assert_null(got);
	buf_finish(&f.out);
}

static void test_envelope_seal_sizes_are_two(void **state)
{
	Sotto__DeviceList list = SOTTO__DEVICE_LIST__INIT;
	uint8_t big[1500] = { 0 };
	struct seal_fixture f;

	(void)state;
	make_seal(&f);
	list.previous_hash = bin(big, sizeof(big));
	f.s.list = &list;
	assert_int_equal(seal(&f, 0), OK);
	assert_int_equal(f.out.len, 2048);
	f.s.list = NULL;
	f.s.body = bin(big, 300);
	assert_int_equal(seal(&f, 0), ERR_TOO_BIG);
	assert_int_equal(f.out.len, 2048);
	buf_finish(&f.out);
}

static void test_envelope_seal_to_a_point_of_low_order_fails(void **state)
{
	struct seal_fixture f;

	(void)state;
	make_seal(&f);
	memset(f.pairs[0].public_key, 0, 32);
	assert_int_equal(seal(&f, 0), ERR_SIGNATURE);
	assert_int_equal(f.out.len, 0);
	buf_finish(&f.out);
}

static void test_envelope_sealed_parts_are_checked(void **state)
{
	struct seal_fixture f;
	Sotto__Sealed *got = NULL;

	(void)state;
	for (int i = 0; i < 6; i++) {
		make_seal(&f);
		if (i == 0)
			f.s.suite = 0;
		if (i == 1)
			f.s.account.len = 19;
		if (i == 2)
			f.s.device = 0x80000000;
		if (i == 3)
			f.s.list_hash.len = 0;
		if (i == 4)
			f.s.kind = (Sotto__SealedKind)9;
		if (i == 5)
			f.s.body.len = 0;
		assert_int_equal(seal(&f, 0), OK);
		assert_int_equal(unseal(&f, 2, &got), ERR_FORMAT);
		buf_finish(&f.out);
	}
	assert_null(got);
}

static void test_content_check_refuses_each_wrong_part(void **state)
{
	Sotto__Introduction in = SOTTO__INTRODUCTION__INIT;
	Sotto__Receipt receipt = SOTTO__RECEIPT__INIT, *receipts[1];
	Sotto__SealKey key = SOTTO__SEAL_KEY__INIT;
	Sotto__Seen seen = SOTTO__SEEN__INIT, *seens[1];
	uint8_t capability[CAPABILITY_LEN] = { 1, CAP_INTRO };
	char good[] = "text", empty[] = "", bad[] = "\xc0\xaf", relay[] = "wss://r";
	char surrogate[] = "\xed\xa0\x80";
	uint64_t resend = 0;
	Sotto__Content c;
	Sotto__Text t;

	(void)state;
	receipts[0] = &receipt;
	seens[0] = &seen;
	make_content(&c, &t, good);
	assert_int_equal(content_check(&c), OK);
	for (int i = 0; i < 16; i++) {
		make_content(&c, &t, good);
		switch (i) {
		case 0: c.message.len = 15; break;
		case 1: c.conversation.len = 31; break;
		case 2: c.device = 0; break;
		case 3: c.previous.len = 0; break;
		case 4: c.counter = 1; break;
		case 5: c.counter = 0; c.previous.len = 0; break;
		case 6: c.clock = UINT64_MAX; break;
		case 7: t.body = empty; break;
		case 8: t.body = bad; break;
		case 9: t.body = surrogate; break;
		case 10: c.receipts = receipts; c.n_receipts = 1; break;
		case 11: c.seen = seens; c.n_seen = 1; break;
		case 12: c.resend = &resend; c.n_resend = 1; break;
		case 13: c.seal_key = &key; break;
		case 14: c.introduction = &in; break;
		case 15:
			c.introduction = &in;
			in.relay = relay;
			in.capability = bin(capability, sizeof(capability));
			break;
		}
		assert_int_equal(content_check(&c), ERR_FORMAT);
	}
	capability[1] = CAP_CONTACT;
	assert_int_equal(content_check(&c), OK);
}

static void test_content_hash_depends_on_each_field(void **state)
{
	struct account_id a = { { 1 } }, b = { { 2 } };
	uint8_t base[HASH_LEN], h[HASH_LEN];
	char text[] = "text", other[] = "texu";
	Sotto__Content c;
	Sotto__Text t;

	(void)state;
	make_content(&c, &t, text);
	content_hash(&c, &a, base);
	content_hash(&c, &b, h);
	assert_memory_not_equal(base, h, HASH_LEN);
	c.counter++;
	content_hash(&c, &a, h);
	assert_memory_not_equal(base, h, HASH_LEN);
	c.counter--;
	t.body = other;
	content_hash(&c, &a, h);
	assert_memory_not_equal(base, h, HASH_LEN);
	t.body = text;
	content_hash(&c, &a, h);
	assert_memory_equal(base, h, HASH_LEN);
}

/* The form is that of every transcript: for a short text both ways agree. */
static void test_content_hash_is_of_a_transcript(void **state)
{
	struct account_id a = { { 1 } };
	uint8_t want[HASH_LEN], h[HASH_LEN];
	char text[] = "text";
	struct transcript tr;
	Sotto__Content c;
	Sotto__Text t;

	(void)state;
	make_content(&c, &t, text);
	content_hash(&c, &a, h);
	transcript_init(&tr, "content");
	transcript_add(&tr, a.b, sizeof(a.b));
	transcript_add_u64(&tr, c.device);
	transcript_add_u64(&tr, c.counter);
	transcript_add(&tr, c.previous.data, c.previous.len);
	transcript_add(&tr, c.message.data, c.message.len);
	transcript_add_u64(&tr, c.clock);
	transcript_add(&tr, text, 4);
	transcript_hash(&tr, want);
	assert_memory_equal(h, want, HASH_LEN);
}

static void test_conversation_id_is_the_same_for_both(void **state)
{
	struct account_id a = { { 1 } }, b = { { 2 } }, c = { { 3 } };
	uint8_t ab[HASH_LEN], ba[HASH_LEN], ac[HASH_LEN];

	(void)state;
	conversation_id(&a, &b, ab);
	conversation_id(&b, &a, ba);
	conversation_id(&a, &c, ac);
	assert_memory_equal(ab, ba, HASH_LEN);
	assert_memory_not_equal(ab, ac, HASH_LEN);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_envelope_payload_comes_in_buckets),
		cmocka_unit_test(test_envelope_full_bucket_takes_the_next),
		cmocka_unit_test(test_envelope_payload_over_the_largest_bucket),
		cmocka_unit_test(test_envelope_swapped_payload_is_refused),
		cmocka_unit_test(test_envelope_seal_opens_with_an_older_pair_too),
		cmocka_unit_test(test_envelope_seal_sizes_are_two),
		cmocka_unit_test(test_envelope_seal_to_a_point_of_low_order_fails),
		cmocka_unit_test(test_envelope_sealed_parts_are_checked),
		cmocka_unit_test(test_content_check_refuses_each_wrong_part),
		cmocka_unit_test(test_content_hash_depends_on_each_field),
		cmocka_unit_test(test_content_hash_is_of_a_transcript),
		cmocka_unit_test(test_conversation_id_is_the_same_for_both),
	};

	return sodium_init() < 0 ||
	       cmocka_run_group_tests(tests, NULL, NULL);
}
