#include "identity.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <sodium.h>

#include "buf.h"

/* An account with its keys, and a list of n devices of it. */
struct person {
	uint8_t root_secret[SIGN_SECRET_LEN], list_secret[SIGN_SECRET_LEN];
	uint8_t certificate[SIGN_LEN];
	uint8_t auth_secret[DEVICES_MAX][SIGN_SECRET_LEN];
	struct device_list list;
};

static void certify(struct person *p, uint64_t epoch)
{
	uint8_t list_public[SIGN_PUBLIC_LEN];

	crypto_sign_keypair(list_public, p->list_secret);
	list_key_certify(p->root_secret, epoch, list_public, p->certificate);
	p->list.epoch = epoch;
}

static void make_person(struct person *p, unsigned n)
{
	memset(p, 0, sizeof(*p));
	crypto_sign_keypair(p->list.root, p->root_secret);
	certify(p, 1);
	p->list.version = 1;
	p->list.n = n;
	for (unsigned i = 0; i < n; i++) {
		struct device_entry *e = &p->list.devices[i];

		e->id = i + 1;
		randombytes_buf(e->identity_key, sizeof(e->identity_key));
		e->identity_key[0] = 5;
		crypto_sign_keypair(e->auth_key, p->auth_secret[i]);
	}
}

static uint8_t *sign(struct person *p, size_t *len)
{
	return device_list_sign(&p->list, p->list_secret, p->certificate, len);
}

/* Signs p's list and reads it back. */
static struct device_list publish(struct person *p)
{
	struct device_list out;
	uint8_t *data;
	size_t len;

	data = sign(p, &len);
	assert_int_equal(device_list_decode(data, len, &out), OK);
	assert_memory_equal(out.hash, p->list.hash, HASH_LEN);
	free(data);
	return out;
}

/* The version after the published one. */
static struct device_list publish_next(struct person *p)
{
	memcpy(p->list.previous, p->list.hash, HASH_LEN);
	p->list.version++;
	return publish(p);
}

static void test_device_list_sign_then_decode(void **state)
{
	struct person p;
	struct device_list l;

	(void)state;
	for (unsigned n = 1; n <= DEVICES_MAX; n++) {
		make_person(&p, n);
		l = publish(&p);
		assert_int_equal(l.n, n);
		assert_true(l.epoch == 1 && l.version == 1);
		assert_memory_equal(l.root, p.list.root, SIGN_PUBLIC_LEN);
		assert_true(account_equal(&l.account, &p.list.account));
		assert_memory_equal(l.devices, p.list.devices,
				    n * sizeof(l.devices[0]));
		assert_ptr_equal(device_list_find(&l, n), &l.devices[n - 1]);
		assert_null(device_list_find(&l, n + 1));
		assert_null(device_list_find(&l, 0));
	}
	assert_true(device_list_succeeds(&l, &l) == ERR_DUPLICATE);
}

/* The transcript of identity.proto, written a second time. */
static void assert_hash(const struct device_list *l)
{
	uint8_t hash[HASH_LEN];
	struct transcript t;

	transcript_init(&t, "device-list");
	transcript_add(&t, l->root, 32);
	transcript_add_u64(&t, l->epoch);
	transcript_add_u64(&t, l->version);
	if (l->version == 1)
		transcript_add(&t, "", 0);
	else
		transcript_add(&t, l->previous, 32);
	for (unsigned i = 0; i < l->n; i++) {
		transcript_add_u64(&t, l->devices[i].id);
		transcript_add(&t, l->devices[i].identity_key, 33);
		transcript_add(&t, l->devices[i].auth_key, 32);
	}
	transcript_hash(&t, hash);
	assert_memory_equal(hash, l->hash, HASH_LEN);
}

static void test_device_list_hash_is_the_documented_one(void **state)
{
	struct device_list l;
	struct person p;

	(void)state;
	make_person(&p, 3);
	l = publish(&p);
	assert_hash(&l);
	l = publish_next(&p);
	assert_hash(&l);
}

static void test_device_list_at_its_largest_fits(void **state)
{
	struct device_list l;
	struct person p;
	uint8_t *data;
	size_t len;

	(void)state;
	make_person(&p, DEVICES_MAX);
	certify(&p, UINT64_MAX);
	p.list.version = UINT64_MAX;
	for (unsigned i = 0; i < DEVICES_MAX; i++)
		p.list.devices[i].id = 0x7fffffff - DEVICES_MAX + 1 + i;
	data = sign(&p, &len);
	assert_in_range(len, 800, DEVICE_LIST_BYTES_MAX);
	assert_int_equal(device_list_decode(data, len, &l), OK);
	free(data);
}

static void test_device_list_with_any_changed_byte(void **state)
{
	struct device_list l;
	struct person p;
	uint8_t *data;
	size_t len;
	int r;

	(void)state;
	make_person(&p, 2);
	publish(&p);
	p.list.version = 2;
	data = sign(&p, &len);
	for (size_t i = 0; i < len; i++) {
		data[i] ^= 0x20;
		r = device_list_decode(data, len, &l);
		assert_true(r == ERR_FORMAT || r == ERR_SIGNATURE);
		data[i] ^= 0x20;
	}
	for (size_t i = 0; i < len; i++)
		assert_true(device_list_decode(data, i, &l) < 0);
	assert_int_equal(device_list_decode(data, len, &l), OK);
	free(data);
}

static void test_device_list_decode_caps_its_input(void **state)
{
	uint8_t big[DEVICE_LIST_BYTES_MAX + 1] = { 0 };
	struct device_list l;

	(void)state;
	assert_int_equal(device_list_decode(big, sizeof(big), &l), ERR_TOO_BIG);
	assert_int_equal(device_list_decode(big, 0, &l), ERR_FORMAT);
	/* 768 empty devices */
	for (size_t i = 0; i < DEVICE_LIST_BYTES_MAX; i += 2)
		big[i] = 4 << 3 | 2;
	assert_int_equal(device_list_decode(big, DEVICE_LIST_BYTES_MAX, &l),
			 ERR_FORMAT);
}

/* A signed list as a protobuf, to be spoilt in one place. */
static Sotto__DeviceList *unpacked(struct person *p)
{
	Sotto__DeviceList *in;
	uint8_t *data;
	size_t len;

	data = sign(p, &len);
	in = sotto__device_list__unpack(NULL, len, data);
	assert_non_null(in);
	free(data);
	return in;
}

static int verify_and_free(Sotto__DeviceList *in)
{
	struct device_list l = { .n = 99 };
	int r = device_list_verify(in, &l);

	if (r < 0)
		assert_int_equal(l.n, 99);	/* untouched */
	sotto__device_list__free_unpacked(in, NULL);
	return r;
}

#define assert_spoilt(statement, want) do {			\
		Sotto__DeviceList *in = unpacked(&p);		\
								\
		statement;					\
		assert_int_equal(verify_and_free(in), want);	\
	} while (0)

static void test_device_list_verify_checks_sizes_and_order(void **state)
{
	struct person p;

	(void)state;
	make_person(&p, 2);
	assert_spoilt((void)in, OK);
	assert_spoilt(in->version = 0, ERR_FORMAT);
	assert_spoilt(in->version = 2, ERR_FORMAT);	/* no previous hash */
	assert_spoilt(in->signature.len = 63, ERR_FORMAT);
	assert_spoilt(in->certificate->epoch = 0, ERR_FORMAT);
	assert_spoilt(in->certificate->root_public_key.len = 31, ERR_FORMAT);
	assert_spoilt(in->certificate->list_public_key.len = 0, ERR_FORMAT);
	assert_spoilt(in->certificate->signature.len = 1, ERR_FORMAT);
	assert_spoilt(in->devices[0]->id = 2, ERR_FORMAT);	/* twice */
	assert_spoilt(in->devices[0]->id = 3, ERR_FORMAT);	/* order */
	assert_spoilt(in->devices[0]->id = 0, ERR_FORMAT);
	assert_spoilt(in->devices[1]->id = 0x80000000, ERR_FORMAT);
	assert_spoilt(in->devices[1]->id = 3, ERR_SIGNATURE);
	assert_spoilt(in->devices[1]->identity_key.len = 32, ERR_FORMAT);
	assert_spoilt(in->devices[1]->identity_key.data[0] = 6, ERR_FORMAT);
	assert_spoilt(in->devices[1]->identity_key.data[1] ^= 1, ERR_SIGNATURE);
	assert_spoilt(in->devices[1]->auth_key.len = 31, ERR_FORMAT);
	assert_spoilt(in->certificate->epoch = 2, ERR_SIGNATURE);

	publish_next(&p);
	assert_spoilt((void)in, OK);
	assert_spoilt(in->previous_hash.len = 0, ERR_FORMAT);
	assert_spoilt(in->previous_hash.len = 31, ERR_FORMAT);
	assert_spoilt(in->version = 1, ERR_FORMAT);
	assert_spoilt(in->version = 3, ERR_SIGNATURE);
	assert_spoilt(in->previous_hash.data[5] ^= 1, ERR_SIGNATURE);
}

static void test_device_list_verify_of_missing_parts(void **state)
{
	Sotto__DeviceList in = SOTTO__DEVICE_LIST__INIT;
	uint8_t signature[SIGN_LEN] = { 0 };
	struct device_list l;
	struct person p;

	(void)state;
	assert_int_equal(device_list_verify(&in, &l), ERR_FORMAT);
	in.version = 1;
	in.signature.data = signature;
	in.signature.len = sizeof(signature);
	assert_int_equal(device_list_verify(&in, &l), ERR_FORMAT);
	make_person(&p, 1);
	in.n_devices = 1;
	in.devices = (Sotto__Device *[]){ &(Sotto__Device)SOTTO__DEVICE__INIT };
	assert_int_equal(device_list_verify(&in, &l), ERR_FORMAT);
}

static void test_device_list_with_a_list_key_that_was_not_certified(void **state)
{
	uint8_t public[SIGN_PUBLIC_LEN];
	struct device_list l;
	struct person p;
	uint8_t *data;
	size_t len;

	(void)state;
	make_person(&p, 1);
	crypto_sign_keypair(public, p.list_secret);
	data = sign(&p, &len);
	assert_int_equal(device_list_decode(data, len, &l), ERR_SIGNATURE);
	free(data);
}

static void test_device_list_that_was_stored_is_read_as_it_is(void **state)
{
	struct device_list verified, stored;
	struct person p;
	uint8_t *data;
	size_t len;

	(void)state;
	make_person(&p, 2);
	data = sign(&p, &len);
	assert_int_equal(device_list_decode(data, len, &verified), OK);
	assert_int_equal(device_list_read_stored(data, len, &stored), OK);
	assert_memory_equal(&stored, &verified, sizeof(stored));
	for (size_t i = 0; i < len; i++)
		assert_true(device_list_read_stored(data, i, &stored) < 0);
	free(data);
}

static void test_device_list_succeeds_along_a_chain(void **state)
{
	struct device_list one, two, three;
	struct person p;

	(void)state;
	make_person(&p, 1);
	one = publish(&p);
	two = publish_next(&p);
	three = publish_next(&p);
	assert_int_equal(device_list_succeeds(&one, &two), OK);
	assert_int_equal(device_list_succeeds(&two, &three), OK);
	assert_int_equal(device_list_succeeds(&one, &three), OK);
	assert_int_equal(device_list_succeeds(&two, &two), ERR_DUPLICATE);
	assert_int_equal(device_list_succeeds(&two, &one), ERR_STALE);
	assert_int_equal(device_list_succeeds(&three, &one), ERR_STALE);
}

static void test_device_list_fork_is_seen(void **state)
{
	struct device_list one, two, other, other3;
	struct person p, q;

	(void)state;
	make_person(&p, 2);
	one = publish(&p);
	q = p;
	two = publish_next(&p);
	q.list.n = 1;
	other = publish_next(&q);
	other3 = publish_next(&q);
	assert_int_equal(device_list_succeeds(&one, &other), OK);
	assert_int_equal(device_list_succeeds(&two, &other), ERR_FORK);
	assert_int_equal(device_list_succeeds(&two, &other3), ERR_FORK);
}

static void test_device_list_of_a_new_epoch_wins(void **state)
{
	struct device_list thiefs, owners, later;
	struct person p, thief;

	(void)state;
	make_person(&p, 1);
	publish(&p);
	thief = p;
	thief.list.version = UINT64_MAX;
	thiefs = publish(&thief);
	certify(&p, 2);
	owners = publish_next(&p);
	assert_int_equal(device_list_succeeds(&thiefs, &owners), OK);
	assert_int_equal(device_list_succeeds(&owners, &thiefs), ERR_STALE);
	later = publish_next(&p);
	assert_int_equal(device_list_succeeds(&owners, &later), OK);
	assert_int_equal(device_list_succeeds(&thiefs, &later), OK);
}

static void test_device_list_with_two_list_keys_of_one_epoch(void **state)
{
	struct device_list one, two;
	struct person p;

	(void)state;
	make_person(&p, 1);
	one = publish(&p);
	certify(&p, 1);
	two = publish_next(&p);
	assert_int_equal(device_list_succeeds(&one, &two), ERR_FORK);
	two = publish_next(&p);
	assert_int_equal(device_list_succeeds(&one, &two), ERR_FORK);
}

static void test_device_list_that_gives_a_device_other_keys(void **state)
{
	struct device_list one, two, three;
	struct person p, q;

	(void)state;
	make_person(&p, 2);
	one = publish(&p);
	q = p;
	p.list.devices[1].identity_key[7] ^= 1;
	two = publish_next(&p);
	assert_int_equal(device_list_succeeds(&one, &two), ERR_FORK);
	q.list.devices[1].auth_key[7] ^= 1;
	certify(&q, 2);
	three = publish_next(&q);
	assert_int_equal(device_list_succeeds(&one, &three), ERR_FORK);
	/* Another device under another id is what should have been done. */
	q.list.devices[1].id = 3;
	three = publish_next(&q);
	assert_int_equal(device_list_succeeds(&one, &three), OK);
}

static void test_device_list_of_another_account(void **state)
{
	struct device_list a, b;
	struct person p, q;

	(void)state;
	make_person(&p, 1);
	make_person(&q, 1);
	a = publish(&p);
	b = publish_next(&q);
	assert_int_equal(device_list_succeeds(&a, &b), ERR_IDENTITY);
}

/* A bundle of p's first device, in memory of its own. */
struct made_bundle {
	Sotto__Bundle b;
	Sotto__SealKey seal;
	uint8_t prekey[33], prekey_signature[64], seal_public[32];
	uint8_t seal_signature[SIGN_LEN], signature[SIGN_LEN];
};

static void make_bundle(struct made_bundle *m, struct person *p)
{
	memset(m, 0, sizeof(*m));
	sotto__bundle__init(&m->b);
	sotto__seal_key__init(&m->seal);
	randombytes_buf(m->prekey, sizeof(m->prekey));
	m->prekey[0] = 5;
	m->seal.public_key = (ProtobufCBinaryData){ 32, m->seal_public };
	m->seal.signature.data = m->seal_signature;
	m->seal.created_at = 1700000000;
	m->b.suite = SUITE_CURRENT;
	m->b.device = 1;
	m->b.registration_id = 16380;
	m->b.signed_prekey_id = 0xffffff;
	m->b.signed_prekey = (ProtobufCBinaryData){ 33, m->prekey };
	m->b.signed_prekey_signature =
		(ProtobufCBinaryData){ 64, m->prekey_signature };
	m->b.seal_key = &m->seal;
	m->b.signature.data = m->signature;
	seal_key_sign(&m->seal, &p->list.account, 1, p->auth_secret[0]);
	bundle_sign(&m->b, &p->list.account, p->auth_secret[0]);
}

#define assert_bundle(statement, want) do {				\
		make_bundle(&m, &p);					\
		statement;						\
		assert_int_equal(bundle_verify(&m.b, &p.list), want);	\
	} while (0)

static void test_bundle_verify_checks_each_part(void **state)
{
	struct made_bundle m;
	struct person p;

	(void)state;
	make_person(&p, 2);
	publish(&p);
	assert_bundle((void)0, OK);
	assert_bundle(m.b.suite = 0, ERR_FORMAT);
	assert_bundle(m.b.suite = 2, ERR_SIGNATURE);
	assert_bundle(m.b.device = 2, ERR_SIGNATURE);
	assert_bundle(m.b.device = 3, ERR_IDENTITY);
	assert_bundle(m.b.registration_id = 0, ERR_FORMAT);
	assert_bundle(m.b.registration_id = 16381, ERR_FORMAT);
	assert_bundle(m.b.registration_id = 16379, ERR_SIGNATURE);
	assert_bundle(m.b.signed_prekey_id = 0x1000000, ERR_FORMAT);
	assert_bundle(m.b.signed_prekey_id = 1, ERR_SIGNATURE);
	assert_bundle(m.b.signed_prekey.len = 32, ERR_FORMAT);
	assert_bundle(m.prekey[0] = 4, ERR_FORMAT);
	assert_bundle(m.prekey[9] ^= 1, ERR_SIGNATURE);
	assert_bundle(m.b.signed_prekey_signature.len = 0, ERR_FORMAT);
	assert_bundle(m.prekey_signature[0] ^= 1, ERR_SIGNATURE);
	assert_bundle(m.b.seal_key = NULL, ERR_FORMAT);
	assert_bundle(m.seal.public_key.len = 33, ERR_FORMAT);
	assert_bundle(m.seal.signature.len = 0, ERR_FORMAT);
	assert_bundle(m.seal_public[0] ^= 1, ERR_SIGNATURE);
	assert_bundle(m.seal.created_at++, ERR_SIGNATURE);
	assert_bundle(m.b.signature.len = 65, ERR_FORMAT);
	assert_bundle(m.signature[0] ^= 1, ERR_SIGNATURE);
}

static void test_bundle_with_the_seal_key_of_another_bundle(void **state)
{
	struct made_bundle m, old;
	struct person p;

	(void)state;
	make_person(&p, 1);
	publish(&p);
	make_bundle(&m, &p);
	make_bundle(&old, &p);
	old.seal.created_at = 1600000000;
	seal_key_sign(&old.seal, &p.list.account, 1, p.auth_secret[0]);
	assert_int_equal(seal_key_verify(&old.seal, &p.list.account,
					 &p.list.devices[0]), OK);
	m.b.seal_key = &old.seal;
	assert_int_equal(bundle_verify(&m.b, &p.list), ERR_SIGNATURE);
}

static void test_seal_key_of_another_account_or_device(void **state)
{
	struct device_entry renamed;
	struct made_bundle m;
	struct person p, q;

	(void)state;
	make_person(&p, 1);
	make_person(&q, 1);
	publish(&p);
	publish(&q);
	make_bundle(&m, &p);
	assert_int_equal(seal_key_verify(&m.seal, &p.list.account,
					 &p.list.devices[0]), OK);
	renamed = p.list.devices[0];
	renamed.id = 2;
	assert_int_equal(seal_key_verify(&m.seal, &p.list.account, &renamed),
			 ERR_SIGNATURE);
	assert_int_equal(seal_key_verify(&m.seal, &q.list.account,
					 &p.list.devices[0]), ERR_SIGNATURE);
	assert_int_equal(seal_key_verify(&m.seal, &p.list.account,
					 &q.list.devices[0]), ERR_SIGNATURE);
	m.seal.created_at++;
	assert_int_equal(seal_key_verify(&m.seal, &p.list.account,
					 &p.list.devices[0]), ERR_SIGNATURE);
}

static void test_auth_is_for_one_nonce_relay_account_and_device(void **state)
{
	uint8_t nonce[32] = { 1 }, other[32] = { 2 }, sig[SIGN_LEN];
	const uint8_t *key;
	struct account_id bob = { { 9 } };
	struct person p;

	(void)state;
	make_person(&p, 1);
	publish(&p);
	key = p.list.devices[0].auth_key;
	auth_sign(nonce, "relay", &p.list.account, 1, p.auth_secret[0], sig);
	assert_int_equal(auth_verify(nonce, "relay", &p.list.account, 1, key,
				     sig), OK);
	assert_int_equal(auth_verify(other, "relay", &p.list.account, 1, key,
				     sig), ERR_SIGNATURE);
	assert_int_equal(auth_verify(nonce, "relay2", &p.list.account, 1, key,
				     sig), ERR_SIGNATURE);
	assert_int_equal(auth_verify(nonce, "relay", &bob, 1, key, sig),
			 ERR_SIGNATURE);
	assert_int_equal(auth_verify(nonce, "relay", &p.list.account, 2, key,
				     sig), ERR_SIGNATURE);
}

static void test_auth_with_a_relay_name_of_any_length(void **state)
{
	uint8_t nonce[32] = { 1 }, sig[SIGN_LEN];
	struct person p;
	char *name = xmalloc(100001);

	(void)state;
	make_person(&p, 1);
	publish(&p);
	memset(name, 'x', 100000);
	name[100000] = '\0';
	auth_sign(nonce, name, &p.list.account, 1, p.auth_secret[0], sig);
	assert_int_equal(auth_verify(nonce, name, &p.list.account, 1,
				     p.list.devices[0].auth_key, sig),
			 ERR_FORMAT);
	name[RELAY_NAME_MAX] = '\0';
	auth_sign(nonce, name, &p.list.account, 1, p.auth_secret[0], sig);
	assert_int_equal(auth_verify(nonce, name, &p.list.account, 1,
				     p.list.devices[0].auth_key, sig), OK);
	free(name);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_device_list_sign_then_decode),
		cmocka_unit_test(test_device_list_hash_is_the_documented_one),
		cmocka_unit_test(test_device_list_at_its_largest_fits),
		cmocka_unit_test(test_device_list_with_any_changed_byte),
		cmocka_unit_test(test_device_list_decode_caps_its_input),
		cmocka_unit_test(test_device_list_verify_checks_sizes_and_order),
		cmocka_unit_test(test_device_list_verify_of_missing_parts),
		cmocka_unit_test(test_device_list_with_a_list_key_that_was_not_certified),
		cmocka_unit_test(test_device_list_that_was_stored_is_read_as_it_is),
		cmocka_unit_test(test_device_list_succeeds_along_a_chain),
		cmocka_unit_test(test_device_list_fork_is_seen),
		cmocka_unit_test(test_device_list_of_a_new_epoch_wins),
		cmocka_unit_test(test_device_list_with_two_list_keys_of_one_epoch),
		cmocka_unit_test(test_device_list_that_gives_a_device_other_keys),
		cmocka_unit_test(test_device_list_of_another_account),
		cmocka_unit_test(test_bundle_verify_checks_each_part),
		cmocka_unit_test(test_bundle_with_the_seal_key_of_another_bundle),
		cmocka_unit_test(test_seal_key_of_another_account_or_device),
		cmocka_unit_test(test_auth_is_for_one_nonce_relay_account_and_device),
		cmocka_unit_test(test_auth_with_a_relay_name_of_any_length),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
