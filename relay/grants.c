#include "grants.h"

#include "capability.h"
#include "conn.h"
#include "core.h"
#include "deliver.h"
#include "log.h"
#include "mailbox.h"
#include "records.h"
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
	if (!record_begin(c, m->request, COST_MINT))
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

static void revoke_done(struct conn *c, uint32_t request)
{
	Sotto__Done m = SOTTO__DONE__INIT;

	m.request = request;
	conn_answer(c, SOTTO__SERVER_MESSAGE__OF_DONE, &m.base);
}

static void on_revoked(struct storage_write *w)
{
	struct revoke *r = (struct revoke *)w;

	if (w->op.result < 0) {
		log_error("revocation: %s", err_text(w->op.result));
		conn_answer_error(r->conn, SOTTO__ERROR_CODE__UNAVAILABLE,
				  r->request, NULL, "the store failed");
	} else {
		for (size_t i = 0; i < r->n; i++)
			revoked_lasts(&r->conn->core->revoked, r->hashes[i]);
		revoke_done(r->conn, r->request);
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

/* Leaves those that the store does not have; how many are new to memory too. */
static size_t hash_ids(struct revoke *r, const struct account_id *account,
		       const Sotto__Revoke *m)
{
	const struct revoked *revoked = &r->conn->core->revoked;
	size_t fresh = 0;

	for (size_t i = 0; i < m->n_ids; i++) {
		enum revoked_answer known;

		revoked_hash(revoked, account, m->ids[i].data,
			     r->hashes[r->n]);
		known = revoked_find(revoked, r->hashes[r->n]);
		fresh += known == REVOKED_NOT;
		r->n += known != REVOKED_LASTING;
	}
	return fresh;
}

static void write_revoked(struct revoke *r, const struct account_id *account)
{
	struct core *core = r->conn->core;

	/* Valid from now on; Done says that it will last. */
	for (size_t i = 0; i < r->n; i++)
		revoked_add(&core->revoked, account, r->hashes[i]);
	r->write.done = on_revoked;
	r->write.op.type = STORE_REVOKE;
	r->write.op.u.revoke.account = *account;
	r->write.op.u.revoke.ids =
		(const uint8_t (*)[CAPABILITY_ID_LEN])r->hashes;
	r->write.op.u.revoke.n = r->n;
	core_write(core, &r->write);
}

void grants_revoke(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__Revoke *m = message->revoke;
	struct account_id account;
	struct revoke *r;
	size_t fresh;

	if (!ids_right(m)) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "Revoke");
		return;
	}
	if (!record_begin(c, m->request, COST_WRITE))
		return;
	if (m->n_ids > REVOKE_MAX) {
		conn_answer_error(c, SOTTO__ERROR_CODE__TOO_MANY, m->request,
				  NULL, "too many at once");
		return;
	}
	account = c->owner->mailbox->id.account;
	r = xcalloc(1, sizeof(*r) +
		    (m->n_ids + 1) * sizeof(r->hashes[0]));
	r->conn = conn_ref(c);
	r->request = m->request;
	fresh = hash_ids(r, &account, m);
	if (r->n > 0 && revoked_room(&c->core->revoked, &account, fresh)) {
		write_revoked(r, &account);
		return;
	}
	if (r->n == 0)
		revoke_done(c, m->request);
	else
		conn_answer_error(c, SOTTO__ERROR_CODE__TOO_MANY, m->request,
				  NULL, "too many revocations");
	conn_unref(c);
	free(r);
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

/* Whether one-time prekeys are taken from the share of strangers alone: a contact
 * that fetches on and on must leave some for others. */
static bool from_share(struct core *core, const struct capability *cap)
{
	uint8_t name[RATE_NAME_LEN] = "prekeys";

	if (cap->class != CAP_CONTACT)
		return cap->class == CAP_INTRO;
	memcpy(name + sizeof(name) - sizeof(cap->id), cap->id,
	       sizeof(cap->id));
	return !rate_take(&core->rates, name, sizeof(name),
			  &core->settings.rates[CORE_RATE_PREKEYS], 1,
			  core_now(core));
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
	f->write.op.u.take.intro = !m->list_only &&
		from_share(c->core, &cap);
	f->write.op.u.take.list_only = m->list_only;
	f->write.op.u.take.fetched = &f->fetched;
	core_write(c->core, &f->write);
}
