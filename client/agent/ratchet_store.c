/* libsignal's session and identity stores over the database. There is no cache:
 * what a rollback takes back is gone from here too. */
#include <sodium.h>

#include "ratchet_internal.h"

int ratchet_store_failed(struct ratchet *r, int err)
{
	if (!r->failed)
		r->failed = err;
	return RATCHET_STORE_FAILED;
}

/* Whether libsignal asks about the device that the call is about. */
static bool is_current(const struct ratchet *r,
		       const signal_protocol_address *a)
{
	return r->entry && a->name_len == ACCOUNT_LEN &&
	       memcmp(a->name, r->account->b, ACCOUNT_LEN) == 0 &&
	       (uint32_t)a->device_id == r->entry->id;
}

static void bind_address(struct sqlite3_stmt *st, int i,
			 const signal_protocol_address *a)
{
	db_bind_blob(st, i, a->name, a->name_len);
	db_bind_int(st, i + 1, a->device_id);
}

/* A session that was made under another identity key than the list's is no
 * session with this device. */
static int load_session(signal_buffer **record, signal_buffer **user_record,
			const signal_protocol_address *address, void *user)
{
	struct ratchet *r = user;
	struct bytes identity, data;
	struct sqlite3_stmt *st;
	int ret;

	(void)user_record;
	if (!is_current(r, address))
		return ratchet_store_failed(r, ERR_IDENTITY);
	st = db_prepare(r->db, "SELECT identity, record FROM session"
			" WHERE account = ? AND device = ?");
	bind_address(st, 1, address);
	ret = db_step(r->db, st);
	if (ret <= 0)
		return ret < 0 ? ratchet_store_failed(r, ret) : 0;
	identity = db_blob(st, 0);
	data = db_blob(st, 1);
	if (identity.len != IDENTITY_KEY_LEN ||
	    memcmp(identity.data, r->entry->identity_key, IDENTITY_KEY_LEN))
		ret = ratchet_store_failed(r, ERR_IDENTITY);
	else
		*record = signal_buffer_create(data.data, data.len);
	db_done(st);
	if (ret > 0 && !*record)
		return SG_ERR_NOMEM;
	return ret;
}

static int store_session(const signal_protocol_address *address,
			 uint8_t *record, size_t len, uint8_t *user_record,
			 size_t user_len, void *user)
{
	struct ratchet *r = user;
	struct sqlite3_stmt *st;
	int ret;

	(void)user_record;
	(void)user_len;
	if (!is_current(r, address))
		return ratchet_store_failed(r, ERR_IDENTITY);
	if (len > RATCHET_SESSION_MAX)
		return ratchet_store_failed(r, ERR_UNDECRYPTABLE);
	/* OR FAIL: see contacts.c. */
	st = db_prepare(r->db, "UPDATE OR FAIL session SET record = ?"
			" WHERE account = ? AND device = ?");
	db_bind_blob(st, 1, record, len);
	bind_address(st, 2, address);
	ret = db_run(r->db, st);
	if (!ret && !db_changes(r->db)) {
		st = db_prepare(r->db, "INSERT INTO session"
				" (record, account, device, identity)"
				" VALUES (?, ?, ?, ?)");
		db_bind_blob(st, 1, record, len);
		bind_address(st, 2, address);
		db_bind_blob(st, 4, r->entry->identity_key, IDENTITY_KEY_LEN);
		ret = db_run(r->db, st);
	}
	return ret < 0 ? ratchet_store_failed(r, ret) : 0;
}

static int contains_session(const signal_protocol_address *address, void *user)
{
	struct ratchet *r = user;
	struct sqlite3_stmt *st = db_prepare(
		r->db, "SELECT 1 FROM session WHERE account = ? AND device = ?");
	int ret;

	bind_address(st, 1, address);
	ret = db_step(r->db, st);
	db_done(st);
	return ret < 0 ? ratchet_store_failed(r, ret) : ret;
}

static int delete_session(const signal_protocol_address *address, void *user)
{
	struct ratchet *r = user;
	struct sqlite3_stmt *st = db_prepare(
		r->db, "DELETE FROM session WHERE account = ? AND device = ?");
	int ret;

	bind_address(st, 1, address);
	ret = db_run(r->db, st);
	return ret < 0 ? ratchet_store_failed(r, ret) : 1;
}

static int delete_all_sessions(const char *name, size_t len, void *user)
{
	struct ratchet *r = user;
	struct sqlite3_stmt *st = db_prepare(
		r->db, "DELETE FROM session WHERE account = ?");
	int ret;

	db_bind_blob(st, 1, name, len);
	ret = db_run(r->db, st);
	return ret < 0 ? ratchet_store_failed(r, ret) :
	       (int)db_changes(r->db);
}

static int sub_device_sessions(signal_int_list **sessions, const char *name,
			       size_t len, void *user)
{
	struct ratchet *r = user;
	struct sqlite3_stmt *st = db_prepare(
		r->db, "SELECT device FROM session WHERE account = ?");
	signal_int_list *list = signal_int_list_alloc();
	int ret;

	if (!list)
		return SG_ERR_NOMEM;
	db_bind_blob(st, 1, name, len);
	while ((ret = db_step(r->db, st)) > 0)
		if (signal_int_list_push_back(list, (int)db_int(st, 0)) < 0)
			break;
	db_done(st);
	if (ret) {
		signal_int_list_free(list);
		return ret < 0 ? ratchet_store_failed(r, ret) : SG_ERR_NOMEM;
	}
	*sessions = list;
	return (int)signal_int_list_size(list);
}

static int identity_key_pair(signal_buffer **public_data,
			     signal_buffer **private_data, void *user)
{
	struct ratchet *r = user;
	signal_buffer *public_key = signal_buffer_create(r->identity,
							 IDENTITY_KEY_LEN);
	signal_buffer *secret = signal_buffer_create(r->identity_secret->data,
						     r->identity_secret->len);

	if (!public_key || !secret) {
		signal_buffer_free(public_key);
		signal_buffer_bzero_free(secret);
		return SG_ERR_NOMEM;
	}
	*public_data = public_key;
	*private_data = secret;
	return 0;
}

static int registration_id(void *user, uint32_t *id)
{
	struct ratchet *r = user;

	*id = r->registration;
	return 0;
}

/* libsignal saves what it saw before it has decrypted anything with it. Identity
 * keys come from verified device lists alone: there is nothing to save. */
static int save_identity(const signal_protocol_address *address, uint8_t *key,
			 size_t len, void *user)
{
	(void)address;
	(void)key;
	(void)len;
	(void)user;
	return 0;
}

static int is_trusted_identity(const signal_protocol_address *address,
			       uint8_t *key, size_t len, void *user)
{
	struct ratchet *r = user;

	return is_current(r, address) && len == IDENTITY_KEY_LEN &&
	       sodium_memcmp(key, r->entry->identity_key, len) == 0;
}

int ratchet_set_sessions(struct ratchet *r)
{
	const signal_protocol_session_store sessions = {
		.load_session_func = load_session,
		.get_sub_device_sessions_func = sub_device_sessions,
		.store_session_func = store_session,
		.contains_session_func = contains_session,
		.delete_session_func = delete_session,
		.delete_all_sessions_func = delete_all_sessions,
		.user_data = r,
	};
	const signal_protocol_identity_key_store identities = {
		.get_identity_key_pair = identity_key_pair,
		.get_local_registration_id = registration_id,
		.save_identity = save_identity,
		.is_trusted_identity = is_trusted_identity,
		.user_data = r,
	};
	int code = signal_protocol_store_context_set_session_store(
		r->stores, &sessions);

	if (code < 0)
		return code;
	return signal_protocol_store_context_set_identity_key_store(
		r->stores, &identities);
}
