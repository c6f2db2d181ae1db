#include "grants.h"

#include "capability.h"
#include "conn.h"
#include "core.h"
#include "deliver.h"
#include "log.h"
#include "mailbox.h"
#include "sys.h"

enum { FETCHED_MAX = 16 * 1024 };	/* 8 devices and a list are a third */

static uint32_t now_hours(const struct core *core)
{
	return (uint32_t)(sys_wall_ms(core->sys) / 3600000);
}

/* ---- Mint ---- */

void grants_mint(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__Mint *m = message->mint;
	Sotto__Minted out = SOTTO__MINTED__INIT;
	uint8_t minted[MINT_MAX][CAPABILITY_LEN];
	ProtobufCBinaryData list[MINT_MAX];
	struct capability cap;

	if ((int)m->class_ < CAP_INTRO || (int)m->class_ > CAP_GROUP ||
	    m->count < 1) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "Mint");
		return;
	}
	if (!conn_begin(c))
		return;
	if (m->count > MINT_MAX) {
		conn_answer_error(c, SOTTO__ERROR_CODE__TOO_MANY, m->request,
				  NULL, "too many at once");
		return;
	}
	cap.class = (enum capability_class)m->class_;
	cap.expiry = now_hours(c->core) + CAPABILITY_HOURS;
	for (size_t i = 0; i < m->count; i++) {
		sys_random(c->core->sys, cap.id, sizeof(cap.id));
		capability_mint(&cap, &c->owner->mailbox->id.account,
				c->core->capability_key, minted[i]);
		list[i].data = minted[i];
		list[i].len = CAPABILITY_LEN;
	}
	out.request = m->request;
	out.n_capabilities = m->count;
	out.capabilities = list;
	conn_answer(c, SOTTO__SERVER_MESSAGE__OF_MINTED, &out.base);
}

/* ---- Revoke ---- */

struct revoke {
	struct storage_write write;
	struct conn *conn;
	uint32_t request;
	size_t n;
	uint8_t hashes[][CAPABILITY_ID_LEN];
};

static void on_revoked(struct storage_write *w)
{
	struct revoke *r = (struct revoke *)w;
	Sotto__Done m = SOTTO__DONE__INIT;

	m.request = r->request;
	if (w->op.result < 0) {
		log_error("revocation: %s", err_text(w->op.result));
		conn_answer_error(r->conn, SOTTO__ERROR_CODE__UNAVAILABLE,
				  r->request, NULL, "the store failed");
	} else {
		conn_answer(r->conn, SOTTO__SERVER_MESSAGE__OF_DONE, &m.base);
	}
	conn_unref(r->conn);
	free(r);
}

static bool ids_right(const Sotto__Revoke *m)
{
	for (size_t i = 0; i < m->n_ids; i++) {
		if (m->ids[i].len != CAPABILITY_ID_LEN)
			return false;
	}
	return true;
}

void grants_revoke(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__Revoke *m = message->revoke;
	struct core *core = c->core;
	struct account_id account;
	struct revoke *r;

	if (!ids_right(m)) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "Revoke");
		return;
	}
	if (!conn_begin(c))
		return;
	account = c->owner->mailbox->id.account;
	if (m->n_ids > REVOKE_MAX || revoked_full(&core->revoked) ||
	    !rate_take(&core->rates, account.b, ACCOUNT_LEN,
		       &core->settings.rates[CORE_RATE_REVOKE],
		       (uint32_t)m->n_ids, core_now(core))) {
		conn_answer_error(c, SOTTO__ERROR_CODE__TOO_MANY, m->request,
				  NULL, "too many revocations");
		return;
	}
	r = xcalloc(1, sizeof(*r) + m->n_ids * sizeof(r->hashes[0]));
	r->conn = conn_ref(c);
	r->request = m->request;
	r->n = m->n_ids;
	/* Valid from now on; Done says that it will last. */
	for (size_t i = 0; i < r->n; i++) {
		revoked_hash(&core->revoked, &account, m->ids[i].data,
			     r->hashes[i]);
		revoked_add(&core->revoked, r->hashes[i]);
	}
	r->write.done = on_revoked;
	r->write.op.type = STORE_REVOKE;
	r->write.op.u.revoke.account = account;
	r->write.op.u.revoke.ids =
		(const uint8_t (*)[CAPABILITY_ID_LEN])r->hashes;
	r->write.op.u.revoke.n = r->n;
	core_write(core, &r->write);
}

/* ---- Fetch ---- */

struct fetch {
	struct storage_write write;
	struct conn *conn;
	struct buf fetched;
};

static void on_taken(struct storage_write *w)
{
	struct fetch *f = (struct fetch *)w;
	const uint8_t *id = w->op.u.take.id;

	switch (w->op.result) {
	case OK:
		conn_answer_encoded(f->conn, SOTTO__SERVER_MESSAGE__OF_FETCHED,
				    buf_bytes(&f->fetched));
		break;
	case ERR_NOT_FOUND:
		conn_answer_error(f->conn, SOTTO__ERROR_CODE__NO_ACCESS, 0, id,
				  "not a valid capability");
		break;
	case ERR_CONFLICT:
		conn_answer_error(f->conn, SOTTO__ERROR_CODE__CONFLICT, 0, id,
				  "this id asked for something else");
		break;
	default:
		log_error("fetch: %s", err_text(w->op.result));
		conn_answer_error(f->conn, SOTTO__ERROR_CODE__UNAVAILABLE, 0,
				  id, "the store failed");
	}
	buf_finish(&f->fetched);
	conn_unref(f->conn);
	free(f);
}

static bool admitted(struct conn *c, const Sotto__Fetch *m,
		     const struct account_id *account, struct capability *cap)
{
	struct core *core = c->core;

	if (capability_check(m->capability.data, m->capability.len, account,
			     core->capability_key, now_hours(core), cap) < 0 ||
	    revoked_has(&core->revoked, account, cap->id)) {
		conn_answer_error(c, SOTTO__ERROR_CODE__NO_ACCESS, 0,
				  m->id.data, "not a valid capability");
		return false;
	}
	if (!rate_take(&core->rates, cap->id, sizeof(cap->id),
		       &core->settings.rates[cap->class], 1, core_now(core))) {
		conn_answer_error(c, SOTTO__ERROR_CODE__RATE, 0, m->id.data,
				  "slow down");
		return false;
	}
	return true;
}

void grants_fetch(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__Fetch *m = message->fetch;
	struct account_id account;
	struct capability cap;
	struct fetch *f;

	if (m->id.len != ENVELOPE_ID_LEN || m->account.len != ACCOUNT_LEN ||
	    m->capability.len != CAPABILITY_LEN) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "Fetch: a size");
		return;
	}
	if (!conn_begin(c))
		return;
	memcpy(account.b, m->account.data, ACCOUNT_LEN);
	if (!admitted(c, m, &account, &cap))
		return;
	f = xcalloc(1, sizeof(*f));
	f->conn = conn_ref(c);
	buf_init(&f->fetched, FETCHED_MAX);
	f->write.done = on_taken;
	f->write.op.type = STORE_TAKE;
	memcpy(f->write.op.u.take.id, m->id.data, ENVELOPE_ID_LEN);
	f->write.op.u.take.account = account;
	f->write.op.u.take.intro = cap.class == CAP_INTRO;
	f->write.op.u.take.list_only = m->list_only;
	f->write.op.u.take.fetched = &f->fetched;
	core_write(c->core, &f->write);
}
