#include <signal/protocol.h>
#include <signal/session_builder.h>
#include <signal/session_cipher.h>
#include <signal/session_pre_key.h>

#include "keys.h"
#include "log.h"
#include "ratchet_internal.h"

/* Our error for one of libsignal's. */
static int map_code(const struct ratchet *r, int code)
{
	if (code >= 0)
		return OK;
	if (r->failed)
		return r->failed;
	switch (code) {
	case SG_ERR_DUPLICATE_MESSAGE:
		return ERR_DUPLICATE;
	case SG_ERR_UNTRUSTED_IDENTITY:
		return ERR_IDENTITY;
	case SG_ERR_NOMEM:
		/* It may work when it comes again. */
		return ERR_STORE;
	default:
		return ERR_UNDECRYPTABLE;
	}
}

int ratchet_create(struct db *db, struct ratchet **out)
{
	struct ratchet *r = xcalloc(1, sizeof(*r));
	int ret;

	r->db = db;
	ret = keys_identity(db, r->identity, &r->identity_secret,
			    &r->registration);
	if (!ret)
		ret = ratchet_crypto_create(&r->crypto);
	if (ret < 0)
		goto fail;
	r->context = ratchet_crypto_context(r->crypto);
	if (signal_protocol_store_context_create(&r->stores, r->context) < 0 ||
	    ratchet_set_sessions(r) < 0 || ratchet_set_keys(r) < 0) {
		log_error("libsignal does not start");
		ret = ERR_SYSTEM;
		goto fail;
	}
	*out = r;
	return OK;
fail:
	ratchet_destroy(r);
	return ret;
}

void ratchet_destroy(struct ratchet *r)
{
	if (!r)
		return;
	if (r->stores)
		signal_protocol_store_context_destroy(r->stores);
	ratchet_crypto_destroy(r->crypto);
	secret_destroy(r->identity_secret);
	free(r);
}

/* Each public call runs between these two. The address, which libsignal keeps a
 * pointer to, is the caller's. */
static int enter(struct ratchet *r, const struct device_list *list,
		 uint32_t device, signal_protocol_address *address)
{
	r->entry = device_list_find(list, device);
	if (!r->entry)
		return ERR_IDENTITY;
	r->account = &list->account;
	r->failed = OK;
	*address = (signal_protocol_address){
		.name = (const char *)list->account.b,
		.name_len = ACCOUNT_LEN,
		.device_id = (int32_t)device,
	};
	return OK;
}

static void leave(struct ratchet *r)
{
	r->account = NULL;
	r->entry = NULL;
}

bool ratchet_has_session(struct ratchet *r, const struct account_id *account,
			 uint32_t device)
{
	const signal_protocol_address address = {
		.name = (const char *)account->b,
		.name_len = ACCOUNT_LEN,
		.device_id = (int32_t)device,
	};

	return signal_protocol_session_contains_session(r->stores,
							&address) == 1;
}

int ratchet_forget(struct ratchet *r, const struct account_id *account)
{
	struct sqlite3_stmt *st = db_prepare(
		r->db, "DELETE FROM session WHERE account = ?");

	db_bind_blob(st, 1, account->b, ACCOUNT_LEN);
	return db_run(r->db, st);
}

static int decode_point(struct ratchet *r, const ProtobufCBinaryData *d,
			ec_public_key **out)
{
	return d->len == IDENTITY_KEY_LEN &&
	       curve_decode_point(out, d->data, d->len, r->context) == 0 ?
	       OK : ERR_FORMAT;
}

static int make_bundle(struct ratchet *r, const Sotto__DeviceBundle *in,
		       session_pre_key_bundle **out)
{
	const Sotto__Bundle *b = in->bundle;
	const Sotto__OneTimePrekey *one = in->one_time;
	bool has_one = one && one->key.len;
	ec_public_key *one_time = NULL, *signed_prekey = NULL, *identity = NULL;
	int ret = ERR_FORMAT;

	if (curve_decode_point(&identity, r->entry->identity_key,
			       IDENTITY_KEY_LEN, r->context) != 0)
		goto out;
	ret = decode_point(r, &b->signed_prekey, &signed_prekey);
	if (!ret && has_one)
		ret = decode_point(r, &one->key, &one_time);
	if (!ret && session_pre_key_bundle_create(
			    out, b->registration_id, (int)b->device,
			    has_one ? one->id : 0, one_time,
			    b->signed_prekey_id, signed_prekey,
			    b->signed_prekey_signature.data,
			    b->signed_prekey_signature.len, identity) != 0)
		ret = ERR_FORMAT;
out:
	SIGNAL_UNREF(one_time);
	SIGNAL_UNREF(signed_prekey);
	SIGNAL_UNREF(identity);
	return ret;
}

/* Archived states with thousands of skipped keys do not go on into the next
 * session. */
static int drop_large_session(struct ratchet *r)
{
	struct sqlite3_stmt *st = db_prepare(
		r->db, "DELETE FROM session WHERE account = ? AND device = ?"
		" AND length(record) > ?");

	db_bind_blob(st, 1, r->account->b, ACCOUNT_LEN);
	db_bind_int(st, 2, r->entry->id);
	db_bind_int(st, 3, RATCHET_SESSION_MAX / 2);
	return db_run(r->db, st);
}

int ratchet_start(struct ratchet *r, const struct device_list *list,
		  const Sotto__DeviceBundle *bundle)
{
	session_pre_key_bundle *prekeys = NULL;
	signal_protocol_address address;
	session_builder *builder = NULL;
	int code, ret = enter(r, list, bundle->bundle->device, &address);

	if (!ret)
		ret = drop_large_session(r);
	if (!ret)
		ret = make_bundle(r, bundle, &prekeys);
	if (ret < 0)
		goto out;
	code = session_builder_create(&builder, r->stores, &address,
				      r->context);
	if (!code)
		code = session_builder_process_pre_key_bundle(builder, prekeys);
	/* Also when libsignal could not even read the signature. */
	ret = code == SG_ERR_INVALID_KEY && !r->failed ? ERR_SIGNATURE :
	      map_code(r, code);
	if (ret == ERR_UNDECRYPTABLE)
		ret = ERR_FORMAT;
out:
	if (builder)
		session_builder_free(builder);
	SIGNAL_UNREF(prekeys);
	leave(r);
	return ret;
}

static int take_body(const ciphertext_message *m, enum ratchet_kind *kind,
		     struct buf *body)
{
	signal_buffer *b = ciphertext_message_get_serialized(m);
	int type = ciphertext_message_get_type(m), ret;

	ret = buf_append(body, signal_buffer_data(b), signal_buffer_len(b));
	if (!ret)
		*kind = type == CIPHERTEXT_PREKEY_TYPE ? RATCHET_PREKEY :
			RATCHET_MESSAGE;
	return ret;
}

int ratchet_encrypt(struct ratchet *r, const struct device_list *list,
		    uint32_t device, const uint8_t *plain, size_t len,
		    enum ratchet_kind *kind, struct buf *body)
{
	signal_protocol_address address;
	ciphertext_message *message = NULL;
	session_cipher *cipher = NULL;
	int code, ret = enter(r, list, device, &address);

	if (ret < 0)
		return ret;
	if (!ratchet_has_session(r, &list->account, device)) {
		ret = r->failed ? r->failed : ERR_NOT_FOUND;
		goto out;
	}
	/* libsignal does not ask is_trusted_identity here: load_session has
	 * compared the session's key with the list's. */
	code = session_cipher_create(&cipher, r->stores, &address, r->context);
	if (!code)
		code = session_cipher_encrypt(cipher, plain, len, &message);
	ret = map_code(r, code);
	if (!ret)
		ret = take_body(message, kind, body);
	else if (ret == ERR_UNDECRYPTABLE)
		/* Too large to go on with, or no session at all. */
		ret = r->failed ? ERR_NOT_FOUND : ERR_CORRUPT;
out:
	SIGNAL_UNREF(message);
	if (cipher)
		session_cipher_free(cipher);
	leave(r);
	return ret;
}

/* What ratchet_decrypt_checked is to ask, and what it was told. */
struct question {
	int (*check)(void *ctx, const uint8_t *plain, size_t len);
	void *ctx;
	int answer;
};

/* libsignal calls it with the plaintext before it stores the session. */
static int on_plain(session_cipher *cipher, signal_buffer *plain, void *context)
{
	struct question *q = context;

	(void)cipher;
	q->answer = q->check(q->ctx, signal_buffer_data(plain),
			     signal_buffer_len(plain));
	return q->answer < 0 ? RATCHET_CHECK_FAILED : 0;
}

static int decrypt_prekey(struct ratchet *r, session_cipher *cipher,
			  const uint8_t *body, size_t len, struct question *q,
			  signal_buffer **out)
{
	pre_key_signal_message *m = NULL;
	int code = pre_key_signal_message_deserialize(&m, body, len,
						      r->context);

	if (!code)
		code = session_cipher_decrypt_pre_key_signal_message(
			cipher, m, q, out);
	SIGNAL_UNREF(m);
	return code;
}

static int decrypt_message(struct ratchet *r, session_cipher *cipher,
			   const uint8_t *body, size_t len, struct question *q,
			   signal_buffer **out)
{
	signal_message *m = NULL;
	int code = signal_message_deserialize(&m, body, len, r->context);

	if (!code)
		code = session_cipher_decrypt_signal_message(cipher, m, q, out);
	SIGNAL_UNREF(m);
	return code;
}

int ratchet_decrypt_checked(struct ratchet *r, const struct device_list *list,
			    uint32_t device, enum ratchet_kind kind,
			    const uint8_t *body, size_t len,
			    int (*check)(void *ctx, const uint8_t *plain,
					 size_t len),
			    void *ctx)
{
	struct question q = { .check = check, .ctx = ctx, .answer = OK };
	signal_protocol_address address;
	session_cipher *cipher = NULL;
	signal_buffer *b = NULL;
	int code, ret = enter(r, list, device, &address);

	if (ret < 0)
		return ret;
	code = session_cipher_create(&cipher, r->stores, &address, r->context);
	if (!code) {
		session_cipher_set_decryption_callback(cipher, on_plain);
		code = kind == RATCHET_PREKEY ?
		       decrypt_prekey(r, cipher, body, len, &q, &b) :
		       decrypt_message(r, cipher, body, len, &q, &b);
	}
	ret = q.answer < 0 ? q.answer : map_code(r, code);
	if (b)
		signal_buffer_bzero_free(b);
	if (cipher)
		session_cipher_free(cipher);
	leave(r);
	return ret;
}

static int keep(void *ctx, const uint8_t *plain, size_t len)
{
	return buf_append(ctx, plain, len) < 0 ? ERR_UNDECRYPTABLE : OK;
}

int ratchet_decrypt(struct ratchet *r, const struct device_list *list,
		    uint32_t device, enum ratchet_kind kind,
		    const uint8_t *body, size_t len, struct buf *plain)
{
	size_t before = plain->len;
	int ret = ratchet_decrypt_checked(r, list, device, kind, body, len,
					  keep, plain);

	if (ret < 0)
		plain->len = before;
	return ret;
}
