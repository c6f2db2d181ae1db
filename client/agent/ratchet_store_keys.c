/* libsignal's prekey stores: it reads and removes, keys.c makes them. The database
 * holds secrets; libsignal wants records. */
#include <signal/session_pre_key.h>
#include <sodium.h>

#include "ratchet_internal.h"

/* A key pair of libsignal's from a secret. */
static int make_pair(struct ratchet *r, struct bytes secret, ec_key_pair **out)
{
	uint8_t copy[CURVE_SECRET_LEN], public_key[IDENTITY_KEY_LEN];
	ec_private_key *private_point = NULL;
	ec_public_key *public_point = NULL;
	int code;

	if (secret.len != CURVE_SECRET_LEN)
		return ratchet_store_failed(r, ERR_CORRUPT);
	memcpy(copy, secret.data, sizeof(copy));
	ratchet_crypto_key(copy, public_key);
	code = curve_decode_point(&public_point, public_key, sizeof(public_key),
				  r->context);
	if (!code)
		code = curve_decode_private_point(&private_point, copy,
						  sizeof(copy), r->context);
	if (!code)
		code = ec_key_pair_create(out, public_point, private_point);
	SIGNAL_UNREF(public_point);
	SIGNAL_UNREF(private_point);
	sodium_memzero(copy, sizeof(copy));
	return code;
}

/* The row with this id; 1, or libsignal's answer when there is none. */
static int find(struct ratchet *r, struct sqlite3_stmt *st, uint32_t id)
{
	int ret;

	db_bind_int(st, 1, id);
	ret = db_step(r->db, st);
	if (ret < 0)
		return ratchet_store_failed(r, ret);
	return ret ? ret : SG_ERR_INVALID_KEY_ID;
}

static int load_prekey(signal_buffer **record, uint32_t id, void *user)
{
	struct ratchet *r = user;
	struct sqlite3_stmt *st = db_prepare(
		r->db, "SELECT secret FROM prekey WHERE id = ?");
	session_pre_key *prekey = NULL;
	ec_key_pair *pair = NULL;
	int code = find(r, st, id);

	if (code < 0)
		return code;
	code = make_pair(r, db_blob(st, 0), &pair);
	db_done(st);
	if (!code)
		code = session_pre_key_create(&prekey, id, pair);
	if (!code)
		code = session_pre_key_serialize(record, prekey);
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(pair);
	return code;
}

static int load_signed_prekey(signal_buffer **record, uint32_t id, void *user)
{
	struct ratchet *r = user;
	struct sqlite3_stmt *st = db_prepare(
		r->db, "SELECT secret, signature, created FROM signed_prekey"
		" WHERE id = ?");
	session_signed_pre_key *prekey = NULL;
	ec_key_pair *pair = NULL;
	struct bytes signature;
	int code = find(r, st, id);

	if (code < 0)
		return code;
	signature = db_blob(st, 1);
	code = make_pair(r, db_blob(st, 0), &pair);
	if (!code)
		code = session_signed_pre_key_create(
			&prekey, id, (uint64_t)db_int(st, 2) * 1000, pair,
			signature.data, signature.len);
	db_done(st);
	if (!code)
		code = session_signed_pre_key_serialize(record, prekey);
	SIGNAL_UNREF(prekey);
	SIGNAL_UNREF(pair);
	return code;
}

static int contains(struct ratchet *r, struct sqlite3_stmt *st, uint32_t id)
{
	int code = find(r, st, id);

	db_done(st);
	return code == SG_ERR_INVALID_KEY_ID ? 0 : code;
}

static int contains_prekey(uint32_t id, void *user)
{
	struct ratchet *r = user;

	return contains(r, db_prepare(r->db, "SELECT 1 FROM prekey"
				      " WHERE id = ?"), id);
}

static int contains_signed_prekey(uint32_t id, void *user)
{
	struct ratchet *r = user;

	return contains(r, db_prepare(r->db, "SELECT 1 FROM signed_prekey"
				      " WHERE id = ?"), id);
}

static int remove_prekey(uint32_t id, void *user)
{
	struct ratchet *r = user;
	struct sqlite3_stmt *st =
		db_prepare(r->db, "DELETE FROM prekey WHERE id = ?");
	int ret;

	db_bind_int(st, 1, id);
	ret = db_run(r->db, st);
	return ret < 0 ? ratchet_store_failed(r, ret) : 0;
}

/* Not libsignal's to do. */
static int store_none(uint32_t id, uint8_t *record, size_t len, void *user)
{
	(void)id;
	(void)record;
	(void)len;
	return ratchet_store_failed(user, ERR_USAGE);
}

static int remove_none(uint32_t id, void *user)
{
	(void)id;
	return ratchet_store_failed(user, ERR_USAGE);
}

int ratchet_set_keys(struct ratchet *r)
{
	const signal_protocol_pre_key_store prekeys = {
		.load_pre_key = load_prekey,
		.store_pre_key = store_none,
		.contains_pre_key = contains_prekey,
		.remove_pre_key = remove_prekey,
		.user_data = r,
	};
	const signal_protocol_signed_pre_key_store signed_prekeys = {
		.load_signed_pre_key = load_signed_prekey,
		.store_signed_pre_key = store_none,
		.contains_signed_pre_key = contains_signed_prekey,
		.remove_signed_pre_key = remove_none,
		.user_data = r,
	};
	int code = signal_protocol_store_context_set_pre_key_store(
		r->stores, &prekeys);

	if (code < 0)
		return code;
	return signal_protocol_store_context_set_signed_pre_key_store(
		r->stores, &signed_prekeys);
}
