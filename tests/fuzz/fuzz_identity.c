/* component: shared. Device lists and bundles: the first byte chooses between
 * bytes as they come (l, b) and, so that more is reached than a failed signature,
 * the same signed by keys that are known here (L, B). */
#include <assert.h>
#include <sodium.h>

#include "identity.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

struct keys {
	uint8_t root[SIGN_PUBLIC_LEN], root_secret[SIGN_SECRET_LEN];
	uint8_t list[SIGN_PUBLIC_LEN], list_secret[SIGN_SECRET_LEN];
	uint8_t auth[SIGN_PUBLIC_LEN], auth_secret[SIGN_SECRET_LEN];
};

static const struct keys *keys(void)
{
	static const uint8_t seeds[3][32] = { { 1 }, { 2 }, { 3 } };
	static struct keys k;
	static bool made;

	if (!made) {
		crypto_sign_seed_keypair(k.root, k.root_secret, seeds[0]);
		crypto_sign_seed_keypair(k.list, k.list_secret, seeds[1]);
		crypto_sign_seed_keypair(k.auth, k.auth_secret, seeds[2]);
		made = true;
	}
	return &k;
}

static void put(ProtobufCBinaryData *to, const uint8_t *from, size_t len)
{
	if (to->len == len)
		memcpy(to->data, from, len);
}

/* The transcript of identity.proto, written a second time. */
static void sign_list(Sotto__DeviceList *in)
{
	Sotto__ListKeyCertificate *c = in->certificate;
	uint8_t signature[SIGN_LEN];
	struct transcript t;

	if (!c || in->n_devices > DEVICES_MAX)
		return;
	put(&c->root_public_key, keys()->root, SIGN_PUBLIC_LEN);
	put(&c->list_public_key, keys()->list, SIGN_PUBLIC_LEN);
	list_key_certify(keys()->root_secret, c->epoch, keys()->list, signature);
	put(&c->signature, signature, SIGN_LEN);

	transcript_init(&t, "device-list");
	transcript_add(&t, keys()->root, SIGN_PUBLIC_LEN);
	transcript_add_u64(&t, c->epoch);
	transcript_add_u64(&t, in->version);
	transcript_add(&t, in->previous_hash.data, in->previous_hash.len);
	for (size_t i = 0; i < in->n_devices; i++) {
		Sotto__Device *d = in->devices[i];

		transcript_add_u64(&t, d->id);
		transcript_add(&t, d->identity_key.data, d->identity_key.len);
		transcript_add(&t, d->auth_key.data, d->auth_key.len);
	}
	transcript_sign(&t, keys()->list_secret, signature);
	put(&in->signature, signature, SIGN_LEN);
}

/* What holds of every list that verified. */
static void check_list(struct device_list *l)
{
	struct device_list again = *l;
	uint8_t certificate[SIGN_LEN], *data;
	size_t len;

	assert(l->epoch >= 1 && l->version >= 1);
	assert(l->n >= 1 && l->n <= DEVICES_MAX);
	for (unsigned i = 0; i < l->n; i++) {
		assert(l->devices[i].id > (i ? l->devices[i - 1].id : 0));
		assert(device_list_find(l, l->devices[i].id) == &l->devices[i]);
	}
	assert(device_list_succeeds(l, l) == ERR_DUPLICATE);
	if (memcmp(l->list_key, keys()->list, SIGN_PUBLIC_LEN) != 0)
		return;
	list_key_certify(keys()->root_secret, l->epoch, keys()->list,
			 certificate);
	data = device_list_sign(&again, keys()->list_secret, certificate, &len);
	memset(&again, 0, sizeof(again));
	assert(device_list_decode(data, len, &again) == OK);
	assert(memcmp(again.hash, l->hash, HASH_LEN) == 0);
	free(data);
}

static void try_list(const uint8_t *data, size_t len, bool sign)
{
	struct device_list l;
	Sotto__DeviceList *in;

	if (!sign) {
		if (device_list_read_stored(data, len, &l) == OK)
			check_list(&l);
		else
			assert(device_list_decode(data, len, &l) != OK);
		return;
	}
	if (len > DEVICE_LIST_BYTES_MAX)
		return;
	in = sotto__device_list__unpack(NULL, len, data);
	if (!in)
		return;
	sign_list(in);
	if (device_list_verify(in, &l) == OK)
		check_list(&l);
	sotto__device_list__free_unpacked(in, NULL);
}

static void sign_bundle(Sotto__Bundle *in, const struct account_id *account)
{
	Sotto__SealKey *k = in->seal_key;

	if (!k || k->public_key.len != SEAL_KEY_LEN ||
	    k->signature.len != SIGN_LEN || in->signature.len != SIGN_LEN)
		return;
	seal_key_sign(k, account, in->device, keys()->auth_secret);
	/* bundle_sign is for what we made: it asserts these. */
	if (in->suite < 1 || in->registration_id < 1 ||
	    in->registration_id > 16380 || in->signed_prekey_id > 0xffffff ||
	    in->signed_prekey.len != 33 || in->signed_prekey.data[0] != 5 ||
	    in->signed_prekey_signature.len != 64)
		return;
	bundle_sign(in, account, keys()->auth_secret);
}

static void try_bundle(const uint8_t *data, size_t len, bool sign)
{
	struct device_list l = { .epoch = 1, .version = 1, .n = 1 };
	Sotto__Bundle *in;
	int r;

	if (len > 4096)
		return;
	in = sotto__bundle__unpack(NULL, len, data);
	if (!in)
		return;
	l.devices[0].id = 1;
	memcpy(l.devices[0].auth_key, keys()->auth, SIGN_PUBLIC_LEN);
	if (sign)
		sign_bundle(in, &l.account);
	r = bundle_verify(in, &l);
	if (r == OK)
		assert(in->device == 1 && in->seal_key);
	sotto__bundle__free_unpacked(in, NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	if (!len)
		return 0;
	switch (data[0]) {
	case 'l':
	case 'L':
		try_list(data + 1, len - 1, data[0] == 'L');
		break;
	case 'b':
	case 'B':
		try_bundle(data + 1, len - 1, data[0] == 'B');
		break;
	}
	return 0;
}
