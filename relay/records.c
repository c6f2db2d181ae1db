#include "records.h"

#include <assert.h>

#include "conn.h"
#include "core.h"
#include "deliver.h"
#include "identity.h"
#include "log.h"
#include "mailbox.h"

enum { PREKEY_ID_MAX = 0xffffff };

/* One request while the store works on it. */
struct record {
	struct record *next;		/* core->lists */
	struct conn *conn;
	struct mailbox *mailbox;	/* of the owner */
	uint32_t request;
	uint8_t *bytes;			/* input of the write */
	size_t len;
	struct storage_read read;
	struct storage_write write;
};

uint8_t *record_pack(const ProtobufCMessage *m, size_t max, size_t *len)
{
	size_t n = protobuf_c_message_get_packed_size(m);
	uint8_t *p;

	if (n > max)
		return NULL;
	p = xmalloc(n);
	protobuf_c_message_pack(m, p);
	*len = n;
	return p;
}

bool record_begin(struct conn *c, uint32_t request, uint32_t cost)
{
	struct core *core = c->core;

	if (!conn_begin(c))
		return false;
	if (rate_take(&core->rates, c->owner->mailbox->id.account.b,
		      ACCOUNT_LEN, &core->settings.rates[CORE_RATE_OWNER], cost,
		      core_now(core)))
		return true;
	conn_answer_error(c, SOTTO__ERROR_CODE__RATE, request, NULL,
			  "slow down");
	return false;
}

static struct record *create(struct conn *c, uint32_t request)
{
	struct record *r = xcalloc(1, sizeof(*r));

	r->conn = conn_ref(c);
	r->request = request;
	r->mailbox = c->owner->mailbox;
	r->mailbox->pins++;
	return r;
}

static void destroy(struct record *r)
{
	struct record **p = &r->conn->core->lists;

	while (*p && *p != r)
		p = &(*p)->next;
	if (*p)
		*p = r->next;
	mailbox_unpin(r->mailbox);
	conn_unref(r->conn);
	buf_finish(&r->read.device.list);
	free(r->bytes);
	free(r);
}

static void refuse(struct record *r, Sotto__ErrorCode code, const char *text)
{
	conn_answer_error(r->conn, code, r->request, NULL, text);
	destroy(r);
}

static void answer_done(struct record *r)
{
	Sotto__Done m = SOTTO__DONE__INIT;

	m.request = r->request;
	conn_answer(r->conn, SOTTO__SERVER_MESSAGE__OF_DONE, &m.base);
	destroy(r);
}

static struct record *of_read(struct storage_read *read)
{
	return (struct record *)((char *)read - offsetof(struct record, read));
}

static struct record *of_write(struct storage_write *w)
{
	return (struct record *)((char *)w - offsetof(struct record, write));
}

static void unavailable(struct record *r, int err)
{
	log_error("record: %s", err_text(err));
	refuse(r, SOTTO__ERROR_CODE__UNAVAILABLE, "the store failed");
}

static void on_done(struct storage_write *w)
{
	struct record *r = of_write(w);

	if (w->op.result == ERR_FULL)
		refuse(r, SOTTO__ERROR_CODE__TOO_MANY, "over the limit");
	else if (w->op.result < 0)
		unavailable(r, w->op.result);
	else
		answer_done(r);
}

/* ---- device list and bundle: checked against the list that is held ---- */

static void read_held(struct record *r, void (*done)(struct storage_read *))
{
	r->read.type = STORAGE_DEVICE;
	r->read.mailbox = r->mailbox->id;
	r->read.done = done;
	buf_init(&r->read.device.list, DEVICE_LIST_BYTES_MAX);
	if (core_read(r->conn->core, &r->read) < 0)
		refuse(r, SOTTO__ERROR_CODE__UNAVAILABLE, "busy");
}

static int held_list(const struct record *r, struct device_list *held)
{
	const struct store_device *d = &r->read.device;

	if (r->read.result < 0)
		return r->read.result;
	if (!d->account_known)
		return ERR_CORRUPT;
	return device_list_decode(d->list.data, d->list.len, held);
}

static void write_account(struct record *r, enum store_op_type type,
			  void (*done)(struct storage_write *))
{
	struct bytes bytes = { r->bytes, r->len };

	r->write.done = done;
	r->write.op.type = type;
	r->write.op.u.account.account = r->mailbox->id.account;
	r->write.op.u.account.device = r->mailbox->id.device;
	if (type == STORE_LIST)
		r->write.op.u.account.list = bytes;
	else
		r->write.op.u.account.bundle = bytes;
	core_write(r->conn->core, &r->write);
}

/* Connections of devices that the new list has not end, and those that are being
 * checked against the list before. */
static void part_removed(struct record *r)
{
	struct core *core = r->conn->core;
	struct device_list next;
	struct conn *following;

	if (device_list_decode(r->bytes, r->len, &next) < 0)
		return;
	for (struct conn *c = core->conns; c; c = following) {
		const struct mailbox_id *id;

		following = c->next;
		id = c->owner ? &c->owner->mailbox->id : c->claim;
		if (id && account_equal(&id->account, &next.account) &&
		    !device_list_find(&next, id->device))
			conn_close(c, CLOSE_AUTH);
	}
}

static void on_list_written(struct storage_write *w)
{
	if (w->op.result == OK)
		part_removed(of_write(w));
	on_done(w);
}

static void on_list_held(struct storage_read *read)
{
	struct record *r = of_read(read);
	struct device_list held, next;
	int err = held_list(r, &held);

	if (err < 0) {
		unavailable(r, err);
		return;
	}
	err = device_list_decode(r->bytes, r->len, &next);
	if (err == OK)
		err = device_list_succeeds(&held, &next);
	if (err == ERR_DUPLICATE)
		answer_done(r);
	else if (err < 0)
		refuse(r, SOTTO__ERROR_CODE__BAD_LIST, err_text(err));
	else
		write_account(r, STORE_LIST, on_list_written);
}

/* Two lists at once would both be checked against the same one. */
static bool list_under_way(const struct core *core,
			   const struct account_id *account)
{
	for (const struct record *r = core->lists; r; r = r->next) {
		if (account_equal(&r->mailbox->id.account, account))
			return true;
	}
	return false;
}

void records_put_list(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__PutList *m = message->put_list;
	struct core *core = c->core;
	struct record *r;

	if (!m->list) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "PutList: no list");
		return;
	}
	if (!record_begin(c, m->request, COST_WRITE))
		return;
	r = create(c, m->request);
	r->bytes = record_pack(&m->list->base, DEVICE_LIST_BYTES_MAX, &r->len);
	if (!r->bytes) {
		refuse(r, SOTTO__ERROR_CODE__BAD_LIST, "too large");
		return;
	}
	if (list_under_way(core, &r->mailbox->id.account)) {
		refuse(r, SOTTO__ERROR_CODE__UNAVAILABLE,
		       "another list is being stored");
		return;
	}
	r->next = core->lists;
	core->lists = r;
	read_held(r, on_list_held);
}

bool record_bundle_good(const uint8_t *bundle, size_t len, uint32_t device,
			const struct device_list *list)
{
	Sotto__Bundle *b = sotto__bundle__unpack(NULL, len, bundle);
	bool good = b && b->device == device && bundle_verify(b, list) == OK;

	if (b)
		sotto__bundle__free_unpacked(b, NULL);
	return good;
}

static void on_bundle_held(struct storage_read *read)
{
	struct record *r = of_read(read);
	struct device_list held;
	int err = held_list(r, &held);

	if (err < 0) {
		unavailable(r, err);
		return;
	}
	if (record_bundle_good(r->bytes, r->len, r->mailbox->id.device, &held))
		write_account(r, STORE_BUNDLE, on_done);
	else
		refuse(r, SOTTO__ERROR_CODE__BAD_BUNDLE, "does not verify");
}

void records_put_bundle(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__PutBundle *m = message->put_bundle;
	struct record *r;

	if (!m->bundle) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED,
			  "PutBundle: no bundle");
		return;
	}
	if (!record_begin(c, m->request, COST_WRITE))
		return;
	r = create(c, m->request);
	r->bytes = record_pack(&m->bundle->base, BUNDLE_BYTES_MAX, &r->len);
	if (!r->bytes) {
		refuse(r, SOTTO__ERROR_CODE__BAD_BUNDLE, "too large");
		return;
	}
	read_held(r, on_bundle_held);
}

/* ---- prekeys ---- */

static bool prekeys_right(const Sotto__PutPrekeys *m)
{
	for (size_t i = 0; i < m->n_prekeys; i++) {
		const Sotto__OneTimePrekey *k = m->prekeys[i];

		if (k->id < 1 || k->id > PREKEY_ID_MAX ||
		    k->key.len != sizeof(((struct store_prekey *)0)->key))
			return false;
	}
	return true;
}

void records_put_prekeys(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__PutPrekeys *m = message->put_prekeys;
	struct store_prekey *keys;
	struct record *r;

	if (!prekeys_right(m)) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "PutPrekeys");
		return;
	}
	if (!record_begin(c, m->request, COST_WRITE))
		return;
	r = create(c, m->request);
	if (m->n_prekeys > PREKEYS_PUT_MAX) {
		refuse(r, SOTTO__ERROR_CODE__TOO_MANY, "too many at once");
		return;
	}
	keys = xcalloc(m->n_prekeys + 1, sizeof(*keys));
	for (size_t i = 0; i < m->n_prekeys; i++) {
		keys[i].id = m->prekeys[i]->id;
		memcpy(keys[i].key, m->prekeys[i]->key.data,
		       sizeof(keys[i].key));
	}
	r->bytes = (uint8_t *)keys;
	r->write.done = on_done;
	r->write.op.type = STORE_PREKEYS;
	r->write.op.u.prekeys.mailbox = r->mailbox->id;
	r->write.op.u.prekeys.keys = keys;
	r->write.op.u.prekeys.n = m->n_prekeys;
	core_write(c->core, &r->write);
}

/* ---- the token ---- */

static void on_confirmed(struct storage_write *w)
{
	/* Unanswered; when it failed the older token stays the confirmed one,
	 * which refuses nobody. */
	if (w->op.result < 0)
		log_error("token: %s", err_text(w->op.result));
	destroy(of_write(w));
}

void records_confirm_token(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__ConfirmToken *m = message->confirm_token;
	struct owner *o = c->owner;
	struct record *r;

	if (m->token.len != TOKEN_LEN ||
	    memcmp(m->token.data, o->token, TOKEN_LEN) != 0) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED,
			  "ConfirmToken: not the token of this session");
		return;
	}
	if (o->mailbox->token >= o->token_counter)
		return;
	o->mailbox->token = o->token_counter;
	r = create(c, 0);
	r->write.done = on_confirmed;
	r->write.op.type = STORE_TOKEN;
	r->write.op.u.token.mailbox = r->mailbox->id;
	r->write.op.u.token.counter = o->token_counter;
	r->write.op.u.token.expired = o->expired;
	core_write(c->core, &r->write);
}
