#include "keys.h"

#include <sodium.h>

#include "keys_internal.h"
#include "ratchet_crypto.h"

enum {
	DEVICE_FIRST = 1,
	REGISTRATION_MAX = 16380,
};

/* Names in the table of values. */
#define ROOT "key-root"
#define LIST_SECRET "key-list"
#define CERTIFICATE "key-certificate"	/* the root's signature of the list key */
#define AUTH_SECRET "key-auth"
#define IDENTITY_SECRET "key-identity"
#define LIST "own-list"
#define DEVICE "own-device"
#define REGISTRATION "own-registration"

/* A value of a known length. */
static int get_exact(struct db *db, const char *name, uint8_t *out, size_t len)
{
	struct buf b;
	int r;

	buf_init(&b, len);
	if (!buf_reserve(&b, len))
		return ERR_TOO_BIG;
	r = db_get(db, name, &b);
	if (r == ERR_TOO_BIG || (!r && b.len != len))
		r = ERR_CORRUPT;
	if (!r)
		memcpy(out, b.data, len);
	buf_wipe(&b);
	return r;
}

static int get_secret(struct db *db, const char *name, size_t len,
		      struct secret **out)
{
	struct secret *s = secret_create(len);
	int r = get_exact(db, name, s->data, len);

	if (r < 0)
		secret_destroy(s);
	else
		*out = s;
	return r;
}

/* Ed25519 from fresh randomness; also hands out the seed when asked. */
static struct secret *make_sign_key(const struct sys *sys, struct secret **seed)
{
	struct secret *s = secret_create(SIGN_SECRET_LEN);
	struct secret *from = secret_create(crypto_sign_SEEDBYTES);
	uint8_t public_key[SIGN_PUBLIC_LEN];

	sys_random(sys, from->data, from->len);
	crypto_sign_seed_keypair(public_key, s->data, from->data);
	if (seed)
		*seed = from;
	else
		secret_destroy(from);
	return s;
}

/* libsodium's secret key ends with the public key. */
static const uint8_t *public_of(const struct secret *s)
{
	return s->data + SIGN_SECRET_LEN - SIGN_PUBLIC_LEN;
}

/* What a new account consists of, while it is being made. */
struct fresh {
	struct secret *root, *list, *auth, *identity;
	struct secret *seed;
	struct device_list devices;
	uint8_t certificate[SIGN_LEN];
	uint8_t *encoded;
	size_t encoded_len;
};

static void make_fresh(const struct sys *sys, struct fresh *f)
{
	struct device_entry *d = &f->devices.devices[0];

	f->root = make_sign_key(sys, &f->seed);
	f->list = make_sign_key(sys, NULL);
	f->auth = make_sign_key(sys, NULL);
	f->identity = secret_create(CURVE_SECRET_LEN);
	sys_random(sys, f->identity->data, f->identity->len);
	d->id = DEVICE_FIRST;
	ratchet_crypto_key(f->identity->data, d->identity_key);
	memcpy(d->auth_key, public_of(f->auth), SIGN_PUBLIC_LEN);
	f->devices.n = 1;
	f->devices.epoch = 1;
	f->devices.version = 1;
	memcpy(f->devices.root, public_of(f->root), SIGN_PUBLIC_LEN);
	list_key_certify(f->root->data, f->devices.epoch, public_of(f->list),
			 f->certificate);
	f->encoded = device_list_sign(&f->devices, f->list->data,
				      f->certificate, &f->encoded_len);
}

static int store_fresh(struct db *db, const struct sys *sys,
		       const struct fresh *f)
{
	uint64_t now = sys_wall_ms(sys) / 1000;
	int r;

	if ((r = db_put(db, ROOT, f->devices.root, SIGN_PUBLIC_LEN)) ||
	    (r = db_put(db, LIST_SECRET, f->list->data, f->list->len)) ||
	    (r = db_put(db, CERTIFICATE, f->certificate, SIGN_LEN)) ||
	    (r = db_put(db, AUTH_SECRET, f->auth->data, f->auth->len)) ||
	    (r = db_put(db, IDENTITY_SECRET, f->identity->data,
			f->identity->len)) ||
	    (r = db_put(db, LIST, f->encoded, f->encoded_len)) ||
	    (r = db_put_int(db, DEVICE, DEVICE_FIRST)) ||
	    (r = db_put_int(db, REGISTRATION,
			    1 + sys_uniform(sys, REGISTRATION_MAX))) ||
	    (r = db_put_int(db, KEYS_NEXT_PREKEY, 1)) ||
	    (r = keys_new_signed_prekey(db, sys, f->identity->data, now)))
		return r;
	return keys_new_seal_key(db, sys, &f->devices.account, DEVICE_FIRST,
				 f->auth, now);
}

int keys_create(struct db *db, const struct sys *sys, struct secret **recovery)
{
	struct fresh f = { 0 };
	int64_t device;
	int r = db_get_int(db, DEVICE, &device);

	if (r != ERR_NOT_FOUND)
		return r < 0 ? r : ERR_EXISTS;
	make_fresh(sys, &f);
	r = store_fresh(db, sys, &f);
	if (!r) {
		*recovery = f.seed;
		f.seed = NULL;
	}
	secret_destroy(f.seed);
	secret_destroy(f.root);
	secret_destroy(f.list);
	secret_destroy(f.auth);
	secret_destroy(f.identity);
	free(f.encoded);
	return r;
}

int keys_list_encoded(struct db *db, struct buf *out)
{
	return db_get(db, LIST, out);
}

int keys_load(struct db *db, struct keys **out)
{
	struct keys *k = xcalloc(1, sizeof(*k));
	struct buf list;
	int64_t device;
	int r;

	buf_init(&list, DEVICE_LIST_BYTES_MAX);
	r = db_get_int(db, DEVICE, &device);
	if (r < 0)
		goto out;
	r = keys_list_encoded(db, &list);
	if (!r)
		r = device_list_decode(list.data, list.len, &k->list);
	if (!r)
		r = get_secret(db, AUTH_SECRET, SIGN_SECRET_LEN,
			       &k->auth_secret);
	/* What is absent or does not verify beside a device id is damage. */
	if (r == ERR_NOT_FOUND || r == ERR_FORMAT || r == ERR_SIGNATURE ||
	    r == ERR_TOO_BIG)
		r = ERR_CORRUPT;
	if (!r && (device < 1 || device > INT32_MAX ||
		   !device_list_find(&k->list, (uint32_t)device)))
		r = ERR_CORRUPT;
	if (r < 0)
		goto out;
	k->device = (uint32_t)device;
	k->account = k->list.account;
	memcpy(k->root, k->list.root, sizeof(k->root));
	*out = k;
	k = NULL;
out:
	buf_finish(&list);
	keys_destroy(k);
	return r;
}

void keys_destroy(struct keys *k)
{
	if (!k)
		return;
	secret_destroy(k->auth_secret);
	free(k);
}

int keys_identity(struct db *db, uint8_t public_key[static IDENTITY_KEY_LEN],
		  struct secret **secret, uint32_t *registration)
{
	struct secret *s = NULL;
	int64_t id;
	int r = db_get_int(db, REGISTRATION, &id);

	if (!r)
		r = get_secret(db, IDENTITY_SECRET, CURVE_SECRET_LEN, &s);
	if (r < 0)
		return r;
	ratchet_crypto_key(s->data, public_key);
	*secret = s;
	*registration = (uint32_t)id;
	return OK;
}
