#include "identity.h"

#include <assert.h>

#include "buf.h"
#include "pb.h"

enum {
	DEVICE_ID_MAX = 0x7fffffff,
	KEY_TYPE = 0x05,	/* Curve25519 in libsignal's form */
	REGISTRATION_MAX = 16380,
	PREKEY_ID_MAX = 0xffffff,
	SIGNED_PREKEY_LEN = 33,
	XEDDSA_LEN = 64,
};

static bool has_len(const ProtobufCBinaryData *d, size_t len)
{
	return d->len == len;
}

/* A Curve25519 public key as libsignal writes it. */
static bool is_curve_key(const ProtobufCBinaryData *d)
{
	return d->len == IDENTITY_KEY_LEN && d->data[0] == KEY_TYPE;
}

static void certificate_transcript(struct transcript *t,
				   const uint8_t root[static SIGN_PUBLIC_LEN],
				   uint64_t epoch,
				   const uint8_t key[static SIGN_PUBLIC_LEN])
{
	transcript_init(t, "list-key");
	transcript_add(t, root, SIGN_PUBLIC_LEN);
	transcript_add_u64(t, epoch);
	transcript_add(t, key, SIGN_PUBLIC_LEN);
}

static void list_transcript(struct transcript *t, const struct device_list *l)
{
	transcript_init(t, "device-list");
	transcript_add(t, l->root, sizeof(l->root));
	transcript_add_u64(t, l->epoch);
	transcript_add_u64(t, l->version);
	transcript_add(t, l->previous, l->version == 1 ? 0 : HASH_LEN);
	for (unsigned i = 0; i < l->n; i++) {
		transcript_add_u64(t, l->devices[i].id);
		transcript_add(t, l->devices[i].identity_key, IDENTITY_KEY_LEN);
		transcript_add(t, l->devices[i].auth_key, SIGN_PUBLIC_LEN);
	}
}

static int read_certificate(const Sotto__ListKeyCertificate *in, bool verify,
			    struct device_list *l)
{
	struct transcript t;

	if (!in || in->epoch < 1 ||
	    !has_len(&in->root_public_key, SIGN_PUBLIC_LEN) ||
	    !has_len(&in->list_public_key, SIGN_PUBLIC_LEN) ||
	    !has_len(&in->signature, SIGN_LEN))
		return ERR_FORMAT;
	l->epoch = in->epoch;
	memcpy(l->root, in->root_public_key.data, sizeof(l->root));
	memcpy(l->list_key, in->list_public_key.data, sizeof(l->list_key));
	l->account = account_from_root(l->root);
	if (!verify)
		return OK;
	certificate_transcript(&t, l->root, l->epoch, l->list_key);
	if (!transcript_verify(&t, l->root, in->signature.data))
		return ERR_SIGNATURE;
	return OK;
}

static int read_devices(const Sotto__DeviceList *in, struct device_list *l)
{
	uint32_t last = 0;

	if (in->n_devices < 1 || in->n_devices > DEVICES_MAX)
		return ERR_FORMAT;
	for (l->n = 0; l->n < in->n_devices; l->n++) {
		const Sotto__Device *d = in->devices[l->n];
		struct device_entry *e = &l->devices[l->n];

		/* last begins at 0, so this refuses id 0 too. */
		if (d->id <= last || d->id > DEVICE_ID_MAX ||
		    !is_curve_key(&d->identity_key) ||
		    !has_len(&d->auth_key, SIGN_PUBLIC_LEN))
			return ERR_FORMAT;
		e->id = last = d->id;
		memcpy(e->identity_key, d->identity_key.data, IDENTITY_KEY_LEN);
		memcpy(e->auth_key, d->auth_key.data, SIGN_PUBLIC_LEN);
	}
	return OK;
}

static int read_list(const Sotto__DeviceList *in, bool verify,
		     struct device_list *out)
{
	struct device_list l = { .version = in->version };
	struct transcript t;
	int r;

	if (l.version < 1 || !has_len(&in->signature, SIGN_LEN) ||
	    !has_len(&in->previous_hash, l.version == 1 ? 0 : HASH_LEN))
		return ERR_FORMAT;
	if (in->previous_hash.len)
		memcpy(l.previous, in->previous_hash.data, HASH_LEN);
	r = read_devices(in, &l);
	if (r < 0)
		return r;
	r = read_certificate(in->certificate, verify, &l);
	if (r < 0)
		return r;
	list_transcript(&t, &l);
	if (verify && !transcript_verify(&t, l.list_key, in->signature.data))
		return ERR_SIGNATURE;
	transcript_hash(&t, l.hash);
	*out = l;
	return OK;
}

int device_list_verify(const Sotto__DeviceList *in, struct device_list *out)
{
	return read_list(in, true, out);
}

static int decode(const uint8_t *data, size_t len, bool verify,
		  struct device_list *out)
{
	Sotto__DeviceList *in;
	int r;

	if (len > DEVICE_LIST_BYTES_MAX)
		return ERR_TOO_BIG;
	in = sotto__device_list__unpack(NULL, len, data);
	if (!in)
		return ERR_FORMAT;
	r = read_list(in, verify, out);
	sotto__device_list__free_unpacked(in, NULL);
	return r;
}

int device_list_decode(const uint8_t *data, size_t len,
		       struct device_list *out)
{
	return decode(data, len, true, out);
}

int device_list_read_stored(const uint8_t *data, size_t len,
			    struct device_list *out)
{
	return decode(data, len, false, out);
}

/* Whether a device that stands in both lists has other keys in next. */
static bool reuses_id(const struct device_list *held,
		      const struct device_list *next)
{
	for (unsigned i = 0; i < next->n; i++) {
		const struct device_entry *n = &next->devices[i];
		const struct device_entry *h = device_list_find(held, n->id);

		if (h && (memcmp(h->identity_key, n->identity_key,
				 IDENTITY_KEY_LEN) != 0 ||
			  memcmp(h->auth_key, n->auth_key,
				 SIGN_PUBLIC_LEN) != 0))
			return true;
	}
	return false;
}

int device_list_succeeds(const struct device_list *held,
			 const struct device_list *next)
{
	if (!account_equal(&held->account, &next->account))
		return ERR_IDENTITY;
	if (next->epoch < held->epoch)
		return ERR_STALE;
	/* A thief of the list key may have used up the versions: a new epoch
	 * from the recovery key wins over any of them. */
	if (next->epoch > held->epoch)
		return reuses_id(held, next) ? ERR_FORK : OK;
	if (next->version < held->version)
		return ERR_STALE;
	if (memcmp(next->list_key, held->list_key, SIGN_PUBLIC_LEN) != 0)
		return ERR_FORK;
	if (next->version == held->version)
		return memcmp(next->hash, held->hash, HASH_LEN) == 0 ?
		       ERR_DUPLICATE : ERR_FORK;
	if (next->version - held->version == 1 &&
	    memcmp(next->previous, held->hash, HASH_LEN) != 0)
		return ERR_FORK;
	return reuses_id(held, next) ? ERR_FORK : OK;
}

const struct device_entry *device_list_find(const struct device_list *list,
					    uint32_t device)
{
	for (unsigned i = 0; i < list->n; i++)
		if (list->devices[i].id == device)
			return &list->devices[i];
	return NULL;
}

uint8_t *device_list_sign(struct device_list *list,
			  const uint8_t list_secret[static SIGN_SECRET_LEN],
			  const uint8_t root_signature[static SIGN_LEN],
			  size_t *len)
{
	Sotto__ListKeyCertificate cert = SOTTO__LIST_KEY_CERTIFICATE__INIT;
	Sotto__DeviceList out = SOTTO__DEVICE_LIST__INIT;
	Sotto__Device devices[DEVICES_MAX], *at[DEVICES_MAX];
	uint8_t signature[SIGN_LEN], *data;
	struct transcript t;

	assert(list->epoch >= 1 && list->version >= 1);
	assert(list->n >= 1 && list->n <= DEVICES_MAX);
	list->account = account_from_root(list->root);
	/* libsodium's secret key ends with the public key. */
	memcpy(list->list_key, list_secret + SIGN_SECRET_LEN - SIGN_PUBLIC_LEN,
	       SIGN_PUBLIC_LEN);
	list_transcript(&t, list);
	transcript_hash(&t, list->hash);
	transcript_sign(&t, list_secret, signature);

	cert.root_public_key = pb_bytes(list->root, sizeof(list->root));
	cert.epoch = list->epoch;
	cert.list_public_key = pb_bytes(list->list_key, sizeof(list->list_key));
	cert.signature = pb_bytes(root_signature, SIGN_LEN);
	out.certificate = &cert;
	out.version = list->version;
	if (list->version > 1)
		out.previous_hash = pb_bytes(list->previous, HASH_LEN);
	for (unsigned i = 0; i < list->n; i++) {
		const struct device_entry *e = &list->devices[i];

		assert(e->id > (i ? e[-1].id : 0) && e->id <= DEVICE_ID_MAX);
		sotto__device__init(&devices[i]);
		devices[i].id = e->id;
		devices[i].identity_key = pb_bytes(e->identity_key,
						 IDENTITY_KEY_LEN);
		devices[i].auth_key = pb_bytes(e->auth_key, SIGN_PUBLIC_LEN);
		at[i] = &devices[i];
	}
	out.n_devices = list->n;
	out.devices = at;
	out.signature = pb_bytes(signature, sizeof(signature));
	*len = sotto__device_list__get_packed_size(&out);
	assert(*len <= DEVICE_LIST_BYTES_MAX);
	data = xmalloc(*len);
	sotto__device_list__pack(&out, data);
	return data;
}

void list_key_certify(const uint8_t root_secret[static SIGN_SECRET_LEN],
		      uint64_t epoch,
		      const uint8_t list_public[static SIGN_PUBLIC_LEN],
		      uint8_t out[static SIGN_LEN])
{
	struct transcript t;

	certificate_transcript(&t, root_secret + SIGN_SECRET_LEN -
			       SIGN_PUBLIC_LEN, epoch, list_public);
	transcript_sign(&t, root_secret, out);
}

static void seal_key_transcript(struct transcript *t, const Sotto__SealKey *k,
				const struct account_id *account,
				uint32_t device)
{
	transcript_init(t, "seal-key");
	transcript_add(t, account->b, sizeof(account->b));
	transcript_add_u64(t, device);
	transcript_add(t, k->public_key.data, SEAL_KEY_LEN);
	transcript_add_u64(t, k->created_at);
}

int seal_key_verify(const Sotto__SealKey *in, const struct account_id *account,
		    const struct device_entry *device)
{
	struct transcript t;

	if (!has_len(&in->public_key, SEAL_KEY_LEN) ||
	    !has_len(&in->signature, SIGN_LEN))
		return ERR_FORMAT;
	seal_key_transcript(&t, in, account, device->id);
	if (!transcript_verify(&t, device->auth_key, in->signature.data))
		return ERR_SIGNATURE;
	return OK;
}

void seal_key_sign(Sotto__SealKey *in, const struct account_id *account,
		   uint32_t device,
		   const uint8_t auth_secret[static SIGN_SECRET_LEN])
{
	struct transcript t;

	assert(has_len(&in->public_key, SEAL_KEY_LEN) && in->signature.data);
	seal_key_transcript(&t, in, account, device);
	transcript_sign(&t, auth_secret, in->signature.data);
	in->signature.len = SIGN_LEN;
}

static bool bundle_well_formed(const Sotto__Bundle *in)
{
	return in->suite >= 1 && in->registration_id >= 1 &&
	       in->registration_id <= REGISTRATION_MAX &&
	       in->signed_prekey_id <= PREKEY_ID_MAX &&
	       is_curve_key(&in->signed_prekey) &&
	       has_len(&in->signed_prekey_signature, XEDDSA_LEN) &&
	       in->seal_key && has_len(&in->seal_key->public_key, SEAL_KEY_LEN);
}

static void bundle_transcript(struct transcript *t, const Sotto__Bundle *b,
			      const struct account_id *account)
{
	transcript_init(t, "bundle");
	transcript_add(t, account->b, sizeof(account->b));
	transcript_add_u64(t, b->suite);
	transcript_add_u64(t, b->device);
	transcript_add_u64(t, b->registration_id);
	transcript_add_u64(t, b->signed_prekey_id);
	transcript_add(t, b->signed_prekey.data, SIGNED_PREKEY_LEN);
	transcript_add(t, b->signed_prekey_signature.data, XEDDSA_LEN);
	transcript_add(t, b->seal_key->public_key.data, SEAL_KEY_LEN);
	transcript_add_u64(t, b->seal_key->created_at);
}

int bundle_verify(const Sotto__Bundle *in, const struct device_list *list)
{
	const struct device_entry *device;
	struct transcript t;
	int r;

	if (!bundle_well_formed(in) || !has_len(&in->signature, SIGN_LEN))
		return ERR_FORMAT;
	device = device_list_find(list, in->device);
	if (!device)
		return ERR_IDENTITY;
	r = seal_key_verify(in->seal_key, &list->account, device);
	if (r < 0)
		return r;
	bundle_transcript(&t, in, &list->account);
	if (!transcript_verify(&t, device->auth_key, in->signature.data))
		return ERR_SIGNATURE;
	return OK;
}

void bundle_sign(Sotto__Bundle *in, const struct account_id *account,
		 const uint8_t auth_secret[static SIGN_SECRET_LEN])
{
	struct transcript t;

	assert(bundle_well_formed(in) && in->signature.data);
	bundle_transcript(&t, in, account);
	transcript_sign(&t, auth_secret, in->signature.data);
	in->signature.len = SIGN_LEN;
}

static void auth_transcript(struct transcript *t, const uint8_t nonce[static 32],
			    const char *relay_name, size_t name_len,
			    const struct account_id *account, uint32_t device)
{
	transcript_init(t, "auth");
	transcript_add(t, nonce, 32);
	transcript_add(t, relay_name, name_len);
	transcript_add(t, account->b, sizeof(account->b));
	transcript_add_u64(t, device);
}

void auth_sign(const uint8_t nonce[static 32], const char *relay_name,
	       const struct account_id *account, uint32_t device,
	       const uint8_t auth_secret[static SIGN_SECRET_LEN],
	       uint8_t out[static SIGN_LEN])
{
	struct transcript t;

	auth_transcript(&t, nonce, relay_name,
			strnlen(relay_name, RELAY_NAME_MAX), account, device);
	transcript_sign(&t, auth_secret, out);
}

int auth_verify(const uint8_t nonce[static 32], const char *relay_name,
		const struct account_id *account, uint32_t device,
		const uint8_t auth_key[static SIGN_PUBLIC_LEN],
		const uint8_t signature[static SIGN_LEN])
{
	size_t len = strnlen(relay_name, RELAY_NAME_MAX + 1);
	struct transcript t;

	if (len > RELAY_NAME_MAX)
		return ERR_FORMAT;
	auth_transcript(&t, nonce, relay_name, len, account, device);
	return transcript_verify(&t, auth_key, signature) ? OK : ERR_SIGNATURE;
}
