/* What the account keeps at its relay: device list, bundle, prekeys, capabilities
 * and revocations. */
#include "api_server.h"
#include "caps.h"
#include "log.h"
#include "owner_int.h"
#include "sendq.h"

static uint32_t ask(struct owner *o, enum asked what)
{
	if (!++o->request)
		o->request = 1;
	o->pending[what] = o->request;
	return o->request;
}

static int put_list(struct owner *o)
{
	Sotto__PutList put = SOTTO__PUT_LIST__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	struct buf b;
	int ret;

	buf_init(&b, DEVICE_LIST_BYTES_MAX);
	ret = keys_list_encoded(o->a->db, &b);
	if (!ret) {
		put.request = ask(o, ASK_LIST);
		put.list = sotto__device_list__unpack(NULL, b.len, b.data);
		m.of_case = SOTTO__CLIENT_MESSAGE__OF_PUT_LIST;
		m.put_list = &put;
		owner_send(o, &m);
		sotto__device_list__free_unpacked(put.list, NULL);
	}
	buf_finish(&b);
	return ret;
}

static int put_bundle(struct owner *o)
{
	Sotto__PutBundle put = SOTTO__PUT_BUNDLE__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	struct buf b;
	int ret;

	buf_init(&b, 4096);
	ret = keys_bundle_encoded(o->a->db, &b);
	if (!ret) {
		put.request = ask(o, ASK_BUNDLE);
		put.bundle = sotto__bundle__unpack(NULL, b.len, b.data);
		m.of_case = SOTTO__CLIENT_MESSAGE__OF_PUT_BUNDLE;
		m.put_bundle = &put;
		owner_send(o, &m);
		sotto__bundle__free_unpacked(put.bundle, NULL);
	}
	buf_finish(&b);
	return ret;
}

/* The private halves are in the store. */
static void after_prekeys(void *ctx, int err)
{
	struct owner *o = ctx;
	Sotto__PutPrekeys put = SOTTO__PUT_PREKEYS__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	Sotto__OneTimePrekey keys[PREKEYS_TARGET], *list[PREKEYS_TARGET];

	if (err || !o->n_made || !relay_conn_link(o->conn)) {
		o->pending[ASK_PREKEYS] = 0;
		return;
	}
	for (size_t i = 0; i < o->n_made; i++) {
		keys[i] = (Sotto__OneTimePrekey)SOTTO__ONE_TIME_PREKEY__INIT;
		keys[i].id = o->made_ids[i];
		keys[i].key = (ProtobufCBinaryData){ IDENTITY_KEY_LEN,
						     o->made[i] };
		list[i] = &keys[i];
	}
	put.request = ask(o, ASK_PREKEYS);
	put.n_prekeys = o->n_made;
	put.prekeys = list;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_PUT_PREKEYS;
	m.put_prekeys = &put;
	owner_send(o, &m);
	o->prekeys += (uint32_t)o->n_made;
	o->n_made = 0;
}

static int put_prekeys(struct owner *o)
{
	struct agent *a = o->a;
	int ret = turn_begin(a->turn);

	if (ret)
		return ret;
	o->n_made = PREKEYS_TARGET - o->prekeys;
	ret = turn_end(a->turn, keys_make_prekeys(a->db, a->sys, o->n_made,
						  o->made_ids, o->made));
	if (ret)
		return ret;
	ask(o, ASK_PREKEYS);	/* not twice before the commit */
	turn_after(a->turn, after_prekeys, o);
	return OK;
}

static void mint(struct owner *o, enum asked what)
{
	Sotto__Mint mint = SOTTO__MINT__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	mint.request = ask(o, what);
	mint.class_ = what == ASK_LINK ? SOTTO__CAPABILITY_CLASS__INTRO :
		SOTTO__CAPABILITY_CLASS__CONTACT;
	mint.count = what == ASK_LINK ? 1 : CAPS_STOCK;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_MINT;
	m.mint = &mint;
	owner_send(o, &m);
}

static int ask_revoke(struct owner *o)
{
	Sotto__Revoke revoke = SOTTO__REVOKE__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	ProtobufCBinaryData ids[REVOKE_MAX];
	struct buf b;
	size_t n = 0;
	int ret;

	buf_init(&b, 256 * 1024);
	ret = caps_revocations(o->a, false, &b);
	while (!ret && n < REVOKE_MAX && (n + 1) * CAPABILITY_ID_LEN <= b.len) {
		ids[n] = (ProtobufCBinaryData){ CAPABILITY_ID_LEN,
			b.data + n * CAPABILITY_ID_LEN };
		n++;
	}
	if (n) {
		revoke.request = ask(o, ASK_REVOKE);
		revoke.n_ids = n;
		revoke.ids = ids;
		o->revoking = n * CAPABILITY_ID_LEN;
		m.of_case = SOTTO__CLIENT_MESSAGE__OF_REVOKE;
		m.revoke = &revoke;
		owner_send(o, &m);
	}
	buf_finish(&b);
	return ret;
}

static int poke_link(struct owner *o)
{
	uint8_t cap[CAPABILITY_LEN];
	int count = 0, ret;

	if (!o->pending[ASK_MINT]) {
		ret = caps_count(o->a, &count);
		if (ret)
			return ret;
		if (count < CAPS_LOW)
			mint(o, ASK_MINT);
	}
	if (!o->pending[ASK_LINK]) {
		ret = caps_link(o->a, cap);
		if (ret && ret != ERR_NOT_FOUND)
			return ret;
		if (ret || !caps_fresh(o->a, cap))
			mint(o, ASK_LINK);
	}
	return o->pending[ASK_REVOKE] ? OK : ask_revoke(o);
}

void owner_poke(struct owner *o)
{
	bool list = false, bundle = false;
	int ret;

	if (!relay_conn_link(o->conn) || o->stalled || o->confirm)
		return;
	ret = owner_flag(o->a, "list-dirty", &list);
	if (!ret)
		ret = owner_flag(o->a, "bundle-dirty", &bundle);
	if (!ret && list && !o->pending[ASK_LIST])
		ret = put_list(o);
	if (!ret && bundle && !o->pending[ASK_BUNDLE])
		ret = put_bundle(o);
	if (!ret && o->prekeys < PREKEYS_REFILL_BELOW &&
	    !o->pending[ASK_PREKEYS])
		ret = put_prekeys(o);
	if (!ret)
		ret = poke_link(o);
	if (ret)
		relay_conn_fail(o->conn, 0, agent_store_text(ret), false);
}

static int store_done(struct owner *o, enum asked what)
{
	struct agent *a = o->a;
	int ret = turn_begin(a->turn);

	if (ret)
		return ret;
	if (what == ASK_LIST)
		ret = db_put_int(a->db, "list-dirty", 0);
	else if (what == ASK_BUNDLE)
		ret = db_put_int(a->db, "bundle-dirty", 0);
	else if (what == ASK_REVOKE)
		ret = caps_revoked(a, o->revoking);
	return turn_end(a->turn, ret);
}

void owner_after_records(void *ctx, int err)
{
	struct owner *o = ctx;

	if (err)
		return;
	owner_poke(o);
	api_server_state_changed(o->a->server);
	/* Contents may have waited for a capability to hand out. */
	sendq_pump(o->a->sendq);
}

void owner_on_done(void *ctx, uint32_t request)
{
	struct owner *o = ctx;

	for (int i = 0; request && i < N_ASKED; i++) {
		if (o->pending[i] != request)
			continue;
		o->pending[i] = 0;
		if (store_done(o, (enum asked)i))
			log_error("what the relay confirmed was not stored");
		else
			turn_after(o->a->turn, owner_after_records, o);
		return;
	}
}

/* *useful: something that need not be asked for again. */
static int store_minted(struct owner *o, const Sotto__Minted *m, bool *useful)
{
	struct agent *a = o->a;
	bool link = o->pending[ASK_LINK] == m->request;
	enum capability_class class = link ? CAP_INTRO : CAP_CONTACT;
	uint8_t held[CAPABILITY_LEN];
	int ret = turn_begin(a->turn);

	if (ret)
		return ret;
	for (size_t i = 0; i < m->n_capabilities && !ret; i++) {
		const uint8_t *cap = m->capabilities[i].data;
		struct capability c;
		bool fresh = caps_fresh(a, cap);

		/* A link that soon ends is better than none. */
		if (capability_read(cap, CAPABILITY_LEN, &c) ||
		    c.class != class ||
		    (!fresh && (!link || !caps_link(a, held))))
			continue;
		ret = link ? caps_set_link(a, cap) : caps_add(a, cap);
		*useful |= fresh;
	}
	return turn_end(a->turn, ret);
}

void owner_on_minted(void *ctx, const Sotto__Minted *m)
{
	struct owner *o = ctx;
	enum asked what = m->request == o->pending[ASK_LINK] ?
		ASK_LINK : ASK_MINT;
	bool useful = false;

	if (!m->request || o->pending[what] != m->request)
		return;
	if (store_minted(o, m, &useful))
		log_error("what the relay minted was not stored");
	else
		turn_after(o->a->turn, owner_after_records, o);
	o->pending[what] = 0;
	/* A relay that mints nothing of use is not asked in a loop. */
	if (!useful)
		owner_stall(o);
}

