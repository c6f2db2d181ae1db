#include <sodium.h>

#include "keys.h"
#include "pb.h"
#include "ratchet_crypto.h"

/* The newest signed prekey and seal key, as they are published. */
struct published {
	uint8_t signed_prekey[IDENTITY_KEY_LEN];
	uint8_t prekey_signature[XEDDSA_LEN];
	uint8_t seal_key[SEAL_KEY_LEN];
	uint8_t seal_signature[SIGN_LEN];
	uint32_t signed_prekey_id;
	uint64_t seal_created;
};

static int copy_exact(struct bytes from, uint8_t *to, size_t len)
{
	if (from.len != len)
		return ERR_CORRUPT;
	memcpy(to, from.data, len);
	return OK;
}

static int read_signed_prekey(struct db *db, struct published *p)
{
	struct sqlite3_stmt *st =
		db_prepare(db, "SELECT id, secret, signature FROM signed_prekey"
			   " WHERE retired = 0");
	uint8_t secret[CURVE_SECRET_LEN];
	int r = db_step(db, st);

	if (r <= 0)
		return r < 0 ? r : ERR_CORRUPT;
	p->signed_prekey_id = (uint32_t)db_int(st, 0);
	r = copy_exact(db_blob(st, 1), secret, sizeof(secret));
	if (!r)
		r = copy_exact(db_blob(st, 2), p->prekey_signature, XEDDSA_LEN);
	if (!r)
		ratchet_crypto_key(secret, p->signed_prekey);
	db_done(st);
	sodium_memzero(secret, sizeof(secret));
	return r;
}

static int read_seal_key(struct db *db, struct published *p)
{
	struct sqlite3_stmt *st =
		db_prepare(db, "SELECT public, signature, created FROM seal_key"
			   " WHERE retired = 0");
	int r = db_step(db, st);

	if (r <= 0)
		return r < 0 ? r : ERR_CORRUPT;
	r = copy_exact(db_blob(st, 0), p->seal_key, SEAL_KEY_LEN);
	if (!r)
		r = copy_exact(db_blob(st, 1), p->seal_signature, SIGN_LEN);
	p->seal_created = (uint64_t)db_int(st, 2);
	db_done(st);
	return r;
}

static void fill_seal_key(struct published *p, Sotto__SealKey *k)
{
	sotto__seal_key__init(k);
	k->public_key = (ProtobufCBinaryData){ SEAL_KEY_LEN, p->seal_key };
	k->created_at = p->seal_created;
	k->signature = (ProtobufCBinaryData){ SIGN_LEN, p->seal_signature };
}

int keys_bundle_encoded(struct db *db, struct buf *out)
{
	Sotto__Bundle b = SOTTO__BUNDLE__INIT;
	uint8_t identity[IDENTITY_KEY_LEN], signature[SIGN_LEN];
	struct secret *secret = NULL;
	struct keys *k = NULL;
	Sotto__SealKey seal;
	struct published p;
	int r;

	if ((r = keys_load(db, &k)) || (r = read_signed_prekey(db, &p)) ||
	    (r = read_seal_key(db, &p)) ||
	    (r = keys_identity(db, identity, &secret, &b.registration_id)))
		goto out;
	fill_seal_key(&p, &seal);
	b.suite = SUITE_CURRENT;
	b.device = k->device;
	b.signed_prekey_id = p.signed_prekey_id;
	b.signed_prekey = (ProtobufCBinaryData){ IDENTITY_KEY_LEN,
						 p.signed_prekey };
	b.signed_prekey_signature = (ProtobufCBinaryData){ XEDDSA_LEN,
							   p.prekey_signature };
	b.seal_key = &seal;
	b.signature.data = signature;
	bundle_sign(&b, &k->account, k->auth_secret->data);
	r = pb_append(out, &b.base);
out:
	secret_destroy(secret);
	keys_destroy(k);
	return r;
}
