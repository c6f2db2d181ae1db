#include "auth.h"

#include <assert.h>

#include "conn.h"
#include "core.h"
#include "deliver.h"
#include "identity.h"
#include "log.h"
#include "mailbox.h"
#include "records.h"
#include "token.h"

enum { INVITE_MAX = 64 };

/* One Auth while the store is asked. */
struct auth {
	struct conn *conn;
	struct mailbox *mailbox;
	uint8_t signature[SIGN_LEN];
	uint8_t token[TOKEN_LEN];
	bool has_token;
	bool enrolled;			/* STORE_REGISTER came back */
	bool registered;		/* and it was this Auth */
	uint8_t *list, *bundle;		/* encoded, to register; or NULL */
	size_t list_len, bundle_len;
	struct storage_read read;
	struct storage_write write;
};

static void auth_end(struct auth *a)
{
	a->conn->claim = NULL;
	mailbox_unpin(a->mailbox);
	conn_unref(a->conn);
	free(a->list);
	free(a->bundle);
	buf_finish(&a->read.device.list);
	free(a);
}

static void fail(struct auth *a, Sotto__ErrorCode code, const char *text)
{
	conn_fail(a->conn, code, text);
	auth_end(a);
}

static bool sizes_right(const Sotto__Auth *m)
{
	return m->account.len == ACCOUNT_LEN && m->device >= 1 &&
		m->device <= 0x7fffffff && m->signature.len == SIGN_LEN &&
		(m->token.len == 0 || m->token.len == TOKEN_LEN) &&
		(!m->invite || strlen(m->invite) <= INVITE_MAX) &&
		!m->list == !m->bundle;
}

static void on_device(struct storage_read *r);

static void ask_store(struct auth *a)
{
	buf_finish(&a->read.device.list);
	a->read = (struct storage_read){
		.type = STORAGE_DEVICE, .mailbox = a->mailbox->id,
		.done = on_device,
	};
	buf_init(&a->read.device.list, DEVICE_LIST_BYTES_MAX);
	if (core_read(a->conn->core, &a->read) < 0)
		fail(a, SOTTO__ERROR_CODE__UNAVAILABLE, "busy");
}

void auth_begin(struct conn *c, const Sotto__Auth *m)
{
	struct mailbox_id id;
	struct auth *a;

	if (!sizes_right(m)) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "Auth: a size");
		return;
	}
	a = xcalloc(1, sizeof(*a));
	memcpy(id.account.b, m->account.data, ACCOUNT_LEN);
	id.device = m->device;
	a->conn = conn_ref(c);
	a->mailbox = mailbox_pin(c->core, &id);
	c->claim = &a->mailbox->id;
	memcpy(a->signature, m->signature.data, SIGN_LEN);
	a->has_token = m->token.len > 0;
	if (a->has_token)
		memcpy(a->token, m->token.data, TOKEN_LEN);
	if (m->list) {
		a->list = record_pack(&m->list->base, DEVICE_LIST_BYTES_MAX,
				      &a->list_len);
		a->bundle = record_pack(&m->bundle->base, BUNDLE_BYTES_MAX,
					&a->bundle_len);
		if (!a->list || !a->bundle) {
			fail(a, SOTTO__ERROR_CODE__MALFORMED,
			     "Auth: list or bundle is too large");
			return;
		}
	}
	ask_store(a);
}

static bool signed_by(const struct auth *a, const struct device_list *list)
{
	const struct mailbox_id *id = &a->mailbox->id;
	const struct device_entry *device = device_list_find(list, id->device);

	return device && account_equal(&list->account, &id->account) &&
		auth_verify(a->conn->nonce, a->conn->core->settings.name,
			    &id->account, id->device, device->auth_key,
			    a->signature) == OK;
}

/* ---- registration ---- */

static void on_registered(struct storage_write *w)
{
	struct auth *a = (struct auth *)((char *)w -
					 offsetof(struct auth, write));

	/* ERR_EXISTS: registered meanwhile, by a repeat of this very Auth. */
	if (w->op.result == OK)
		a->registered = true;
	else if (w->op.result != ERR_EXISTS) {
		log_error("registration: %s", err_text(w->op.result));
		fail(a, SOTTO__ERROR_CODE__UNAVAILABLE, "the store failed");
		return;
	}
	a->enrolled = true;
	ask_store(a);
}

static void enroll(struct auth *a)
{
	struct core *core = a->conn->core;
	struct device_list list;

	if (!a->list) {
		fail(a, SOTTO__ERROR_CODE__UNKNOWN_ACCOUNT,
		     "this account is not registered here");
		return;
	}
	if (device_list_decode(a->list, a->list_len, &list) < 0) {
		fail(a, SOTTO__ERROR_CODE__BAD_LIST, "the list does not verify");
		return;
	}
	if (!signed_by(a, &list)) {
		fail(a, SOTTO__ERROR_CODE__AUTH_FAILED, "signature");
		return;
	}
	if (!record_bundle_good(a->bundle, a->bundle_len,
				a->mailbox->id.device, &list)) {
		fail(a, SOTTO__ERROR_CODE__BAD_BUNDLE,
		     "the bundle does not verify");
		return;
	}
	if (!rate_take(&core->registering, "", 0,
		       &core->settings.rates[CORE_RATE_REGISTER], 1,
		       core_now(core))) {
		fail(a, SOTTO__ERROR_CODE__RATE, "too many registrations");
		return;
	}
	a->write.done = on_registered;
	a->write.op.type = STORE_REGISTER;
	a->write.op.u.account.account = a->mailbox->id.account;
	a->write.op.u.account.device = a->mailbox->id.device;
	a->write.op.u.account.list = (struct bytes){ a->list, a->list_len };
	a->write.op.u.account.bundle =
		(struct bytes){ a->bundle, a->bundle_len };
	core_write(core, &a->write);
}

/* ---- the session ---- */

/* The counter of the next token; ERR_SIGNATURE for a forged one, ERR_STALE for
 * one older than the last confirmed. */
static int next_counter(const struct auth *a, uint64_t confirmed,
			uint64_t *next)
{
	const struct core *core = a->conn->core;
	uint64_t presented = 0;

	if (a->has_token &&
	    token_check(core->token_key, core->incarnation, &a->mailbox->id,
			a->token, &presented) < 0)
		return ERR_SIGNATURE;
	if (a->mailbox->token > confirmed)
		confirmed = a->mailbox->token;
	if (presented < confirmed)
		return ERR_STALE;
	*next = presented + 1;
	return OK;
}

static void replace_older(struct mailbox *mb)
{
	if (mb->owner)
		conn_close(mb->owner->conn, CLOSE_REPLACED);
	assert(!mb->owner);
}

static void put_ready(struct auth *a, const struct store_device *d,
		      uint64_t list_version)
{
	Sotto__Ready m = SOTTO__READY__INIT;
	Sotto__Expired expired = SOTTO__EXPIRED__INIT;
	struct owner *o = a->conn->owner;

	m.token.data = o->token;
	m.token.len = TOKEN_LEN;
	m.prekeys = d->prekeys;
	m.list_version = list_version;
	m.registered = a->registered;
	m.deliver_window = DELIVER_WINDOW;
	conn_put(a->conn, SOTTO__SERVER_MESSAGE__OF_READY, &m.base);
	if (d->expired == 0)
		return;
	expired.count = d->expired;
	conn_put(a->conn, SOTTO__SERVER_MESSAGE__OF_EXPIRED, &expired.base);
}

static void open_session(struct auth *a, const struct store_device *d,
			 uint64_t list_version, uint64_t counter)
{
	struct core *core = a->conn->core;
	struct owner *o = xcalloc(1, sizeof(*o));

	replace_older(a->mailbox);
	deliver_init(o, a->conn, a->mailbox);
	a->mailbox->pins++;
	a->conn->owner = o;
	a->conn->state = CONN_OPEN;
	o->token_counter = counter;
	o->expired = d->expired;
	token_make(core->token_key, core->incarnation, &a->mailbox->id,
		   counter, o->token);
	put_ready(a, d, list_version);
	mailbox_attach(a->mailbox, o, d->cursor, d->last_sequence);
}

static void on_device(struct storage_read *r)
{
	struct auth *a = (struct auth *)((char *)r -
					 offsetof(struct auth, read));
	struct store_device *d = &r->device;
	struct device_list list;
	uint64_t counter = 0;
	int err;

	if (a->conn->state != CONN_AUTHENTICATING) {
		auth_end(a);
		return;
	}
	if (r->result < 0) {
		log_error("auth: %s", err_text(r->result));
		fail(a, SOTTO__ERROR_CODE__UNAVAILABLE, "the store failed");
		return;
	}
	if (!d->account_known && a->enrolled) {
		log_error("auth: a registration is not in the store");
		fail(a, SOTTO__ERROR_CODE__UNAVAILABLE, "the store failed");
		return;
	}
	if (!d->account_known) {
		enroll(a);
		return;
	}
	if (device_list_read_stored(d->list.data, d->list.len, &list) < 0) {
		log_error("auth: a stored device list does not parse");
		fail(a, SOTTO__ERROR_CODE__UNAVAILABLE, "the store failed");
		return;
	}
	if (!signed_by(a, &list)) {
		fail(a, SOTTO__ERROR_CODE__AUTH_FAILED, "signature");
		return;
	}
	err = next_counter(a, d->token_counter, &counter);
	if (err == ERR_STALE) {
		fail(a, SOTTO__ERROR_CODE__COPIED,
		     "this store is older than the one last seen");
		return;
	}
	if (err < 0) {
		fail(a, SOTTO__ERROR_CODE__AUTH_FAILED, "token");
		return;
	}
	open_session(a, d, list.version, counter);
	auth_end(a);
}

void auth_detach(struct conn *c)
{
	struct owner *o = c->owner;

	if (!o)
		return;
	c->owner = NULL;
	mailbox_detach(o->mailbox);
	mailbox_unpin(o->mailbox);
	deliver_finish(o);
	free(o);
}
