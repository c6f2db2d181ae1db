#include <sodium.h>

#include "keys_internal.h"
#include "ratchet_crypto.h"

enum { PREKEY_ID_MAX = 0xffffff };

int keys_new_signed_prekey(struct db *db, const struct sys *sys,
			   const uint8_t identity[static CURVE_SECRET_LEN],
			   uint64_t now)
{
	uint8_t secret[CURVE_SECRET_LEN], public_key[IDENTITY_KEY_LEN];
	uint8_t signature[XEDDSA_LEN];
	struct ratchet_crypto *crypto;
	struct sqlite3_stmt *st;
	int r = ratchet_crypto_create(&crypto);

	if (r < 0)
		return r;
	sys_random(sys, secret, sizeof(secret));
	ratchet_crypto_key(secret, public_key);
	r = ratchet_crypto_sign(crypto, identity, public_key,
				sizeof(public_key), signature);
	ratchet_crypto_destroy(crypto);
	if (r < 0)
		goto out;
	st = db_prepare(db, "INSERT INTO signed_prekey"
			" (id, secret, signature, created) VALUES"
			" ((SELECT ifnull(max(id), 0) + 1 FROM signed_prekey),"
			" ?, ?, ?)");
	db_bind_blob(st, 1, secret, sizeof(secret));
	db_bind_blob(st, 2, signature, sizeof(signature));
	db_bind_int(st, 3, (int64_t)now);
	r = db_run(db, st);
out:
	sodium_memzero(secret, sizeof(secret));
	return r;
}

int keys_new_seal_key(struct db *db, const struct sys *sys,
		      const struct account_id *account, uint32_t device,
		      const struct secret *auth, uint64_t now)
{
	uint8_t secret[SEAL_KEY_LEN], public_key[SEAL_KEY_LEN];
	uint8_t signature[SIGN_LEN];
	Sotto__SealKey k = SOTTO__SEAL_KEY__INIT;
	struct sqlite3_stmt *st;
	int r;

	sys_random(sys, secret, sizeof(secret));
	crypto_scalarmult_curve25519_base(public_key, secret);
	k.public_key = (ProtobufCBinaryData){ SEAL_KEY_LEN, public_key };
	k.created_at = now;
	k.signature.data = signature;
	seal_key_sign(&k, account, device, auth->data);
	st = db_prepare(db, "INSERT INTO seal_key (public, secret, signature,"
			" created) VALUES (?, ?, ?, ?)");
	db_bind_blob(st, 1, public_key, sizeof(public_key));
	db_bind_blob(st, 2, secret, sizeof(secret));
	db_bind_blob(st, 3, signature, sizeof(signature));
	db_bind_int(st, 4, (int64_t)now);
	r = db_run(db, st);
	sodium_memzero(secret, sizeof(secret));
	return r;
}

/* sql with one number: the time now, or the newest time to drop. */
static int run_with(struct db *db, const char *sql, int64_t v)
{
	struct sqlite3_stmt *st = db_prepare(db, sql);

	db_bind_int(st, 1, v);
	return db_run(db, st);
}

int keys_make_prekeys(struct db *db, const struct sys *sys, size_t n,
		      uint32_t *ids, uint8_t (*public_keys)[IDENTITY_KEY_LEN])
{
	uint8_t secret[CURVE_SECRET_LEN];
	struct sqlite3_stmt *st;
	int64_t next;
	int r = db_get_int(db, KEYS_NEXT_PREKEY, &next);

	for (size_t i = 0; i < n && !r; i++) {
		ids[i] = (uint32_t)next;
		next = next % PREKEY_ID_MAX + 1;
		sys_random(sys, secret, sizeof(secret));
		ratchet_crypto_key(secret, public_keys[i]);
		st = db_prepare(db, "INSERT OR REPLACE INTO prekey (id, secret)"
				" VALUES (?, ?)");
		db_bind_int(st, 1, ids[i]);
		db_bind_blob(st, 2, secret, sizeof(secret));
		r = db_run(db, st);
	}
	sodium_memzero(secret, sizeof(secret));
	if (!r)
		r = run_with(db, "DELETE FROM prekey WHERE id < ?",
			     next - PREKEYS_KEPT);
	return r < 0 ? r : db_put_int(db, KEYS_NEXT_PREKEY, next);
}

/* Whether a key made then is to be replaced; also one from a future that a wrong
 * clock showed. */
static bool is_due(int64_t created, uint64_t now)
{
	return created + SIGNED_PREKEY_AGE <= (int64_t)now ||
	       created > (int64_t)now + SIGNED_PREKEY_AGE;
}

static int created_of(struct db *db, const char *sql, int64_t *out)
{
	struct sqlite3_stmt *st = db_prepare(db, sql);
	int r = db_step(db, st);

	if (r < 0)
		return r;
	*out = r ? db_int(st, 0) : 0;	/* none: due */
	db_done(st);
	return OK;
}

static int rotate_signed_prekey(struct db *db, const struct sys *sys,
				uint64_t now, bool *changed)
{
	uint8_t public_key[IDENTITY_KEY_LEN];
	struct secret *identity;
	uint32_t registration;
	int64_t created;
	int r = created_of(db, "SELECT created FROM signed_prekey"
			   " WHERE retired = 0", &created);

	if (r < 0 || !is_due(created, now))
		return r;
	r = run_with(db, "UPDATE signed_prekey SET retired = ?"
		     " WHERE retired = 0", (int64_t)now);
	if (!r)
		r = keys_identity(db, public_key, &identity, &registration);
	if (r < 0)
		return r;
	r = keys_new_signed_prekey(db, sys, identity->data, now);
	secret_destroy(identity);
	*changed = true;
	return r;
}

static int rotate_seal_key(struct db *db, const struct keys *k,
			   const struct sys *sys, uint64_t now, bool *changed)
{
	int64_t created;
	int r = created_of(db, "SELECT created FROM seal_key WHERE retired = 0",
			   &created);

	if (r < 0 || !is_due(created, now))
		return r;
	r = run_with(db, "UPDATE seal_key SET retired = ? WHERE retired = 0",
		     (int64_t)now);
	if (!r)
		r = keys_new_seal_key(db, sys, &k->account, k->device,
				      k->auth_secret, now);
	*changed = true;
	return r;
}

int keys_rotate(struct db *db, const struct keys *k, const struct sys *sys,
		bool *changed)
{
	uint64_t now = sys_wall_ms(sys) / 1000;
	bool any = false;
	int r = rotate_signed_prekey(db, sys, now, &any);

	if (!r)
		r = rotate_seal_key(db, k, sys, now, &any);
	if (!r)
		r = run_with(db, "DELETE FROM signed_prekey"
			     " WHERE retired > 0 AND retired < ?",
			     (int64_t)now - SIGNED_PREKEY_KEEP);
	if (!r)
		r = run_with(db, "DELETE FROM seal_key"
			     " WHERE retired > 0 AND retired < ?",
			     (int64_t)now - SEAL_KEY_KEEP);
	if (!r)
		*changed = any;
	return r;
}

int keys_seal_pairs(struct db *db, struct seal_pair *out, int max)
{
	struct sqlite3_stmt *st = db_prepare(
		db, "SELECT public, secret FROM seal_key ORDER BY id DESC");
	int n = 0, r;

	while (n < max && (r = db_step(db, st)) > 0) {
		struct bytes public_key = db_blob(st, 0);
		struct bytes secret = db_blob(st, 1);

		if (public_key.len != SEAL_KEY_LEN ||
		    secret.len != SEAL_KEY_LEN) {
			r = ERR_CORRUPT;
			break;
		}
		memcpy(out[n].public_key, public_key.data, SEAL_KEY_LEN);
		memcpy(out[n].secret_key, secret.data, SEAL_KEY_LEN);
		n++;
	}
	db_done(st);
	return n < max && r < 0 ? r : n;
}
