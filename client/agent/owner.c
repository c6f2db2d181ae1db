#include "owner.h"

#include "caps.h"
#include "compose.h"
#include "contacts.h"
#include "fault.h"
#include "inbox.h"
#include "log.h"
#include "notice.h"
#include "order.h"
#include "owner_int.h"
#include "sendq.h"

enum {
	/* One transaction of a backlog; well below the relay's window, which it
	 * fills up meanwhile. */
	BATCH_MAX = DELIVER_WINDOW / 2,
	BATCH_BYTES = DELIVER_WINDOW_BYTES / 2,
	LINGER_MS = 10,
	RETENTION_DEFAULT = 7 * 24 * 3600,
	RETRY_MS = 60 * 1000,	/* after an error to a request */
};

int owner_flag(struct agent *a, const char *name, bool *on)
{
	int64_t v = 0;
	int ret = db_get_int(a->db, name, &v);

	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	*on = v != 0;
	return OK;
}

void owner_send(struct owner *o, const Sotto__ClientMessage *m)
{
	int ret = relay_conn_send(o->conn, m);

	/* The queue is bounded far above what an owner says. */
	if (ret == ERR_FULL)
		relay_conn_fail(o->conn, 0, "the relay does not read", false);
}

/* ---- opening ---- */

/* The signed name keeps our answer from opening another relay (relay.proto, Auth).
 * We are registered at this one alone, so a new name is only noted. */
static int check_name(struct agent *a, const char *name)
{
	struct buf held;
	bool same;
	int ret;

	buf_init(&held, RELAY_NAME_MAX);
	ret = db_get(a->db, "relay-name", &held);
	same = !ret && held.len == strlen(name) &&
		!memcmp(held.data, name, held.len);
	if (!ret && !same)
		log_warn("the relay goes by another name than before");
	buf_finish(&held);
	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	return same ? OK : db_put(a->db, "relay-name", name, strlen(name));
}

struct auth_parts {
	struct buf list, bundle, token, invite;
};

/* The last token, when the relay's store is still the one that issued it. */
static int load_token(struct owner *o, struct buf *token)
{
	struct agent *a = o->a;
	struct buf held;
	int ret;

	buf_init(&held, INCARNATION_LEN);
	ret = db_get(a->db, "incarnation", &held);
	if (!ret && held.len == INCARNATION_LEN &&
	    !memcmp(held.data, o->incarnation, INCARNATION_LEN))
		ret = db_get(a->db, "token", token);
	buf_finish(&held);
	return ret == ERR_NOT_FOUND ? OK : ret;
}

/* Of an account that the relay may not know yet. */
static int load_auth(struct owner *o, struct auth_parts *p, bool *registered)
{
	struct agent *a = o->a;
	int ret = owner_flag(a, "registered", registered);

	if (!ret)
		ret = load_token(o, &p->token);
	if (ret || *registered)
		return ret;
	ret = keys_list_encoded(a->db, &p->list);
	if (!ret)
		ret = keys_bundle_encoded(a->db, &p->bundle);
	if (!ret)
		ret = db_get(a->db, "invite", &p->invite);
	if (ret == ERR_NOT_FOUND)
		ret = OK;
	return ret ? ret : buf_append_u8(&p->invite, 0);
}

static void send_auth(struct owner *o, const Sotto__Challenge *c,
		      const struct auth_parts *p)
{
	struct agent *a = o->a;
	uint8_t signature[SIGN_LEN];
	Sotto__Auth auth = SOTTO__AUTH__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	auth_sign(c->nonce.data, c->relay_name, &a->keys->account,
		  a->keys->device, a->keys->auth_secret->data, signature);
	auth.account = (ProtobufCBinaryData){ ACCOUNT_LEN,
					      a->keys->account.b };
	auth.device = a->keys->device;
	auth.signature = (ProtobufCBinaryData){ SIGN_LEN, signature };
	auth.token = (ProtobufCBinaryData){ p->token.len, p->token.data };
	if (p->list.len) {
		auth.list = sotto__device_list__unpack(NULL, p->list.len,
						       p->list.data);
		auth.bundle = sotto__bundle__unpack(NULL, p->bundle.len,
						    p->bundle.data);
		if (p->invite.len > 1)
			auth.invite = (char *)p->invite.data;
	}
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_AUTH;
	m.auth = &auth;
	owner_send(o, &m);
	if (auth.list)
		sotto__device_list__free_unpacked(auth.list, NULL);
	if (auth.bundle)
		sotto__bundle__free_unpacked(auth.bundle, NULL);
}

static void on_challenge(void *ctx, const Sotto__Challenge *c)
{
	struct owner *o = ctx;
	struct agent *a = o->a;
	struct auth_parts p;
	bool registered = false;
	int ret;

	buf_init(&p.list, DEVICE_LIST_BYTES_MAX);
	buf_init(&p.bundle, 4096);
	buf_init(&p.token, TOKEN_LEN);
	buf_init(&p.invite, 256);
	memcpy(o->incarnation, c->incarnation.data, INCARNATION_LEN);
	ret = turn_begin(a->turn);
	if (!ret) {
		ret = check_name(a, c->relay_name);
		if (!ret)
			ret = db_put_int(a->db, "retention", c->retention);
		ret = turn_end(a->turn, ret);
	}
	if (!ret)
		ret = load_auth(o, &p, &registered);
	if (!ret)
		send_auth(o, c, &p);
	else
		relay_conn_fail(o->conn, 0, agent_store_text(ret), false);
	buf_finish(&p.list);
	buf_finish(&p.bundle);
	buf_finish(&p.token);
	buf_finish(&p.invite);
}

/* The token is in the store: tell the relay, and bring it up to date. */
static void after_ready(void *ctx, int err)
{
	struct owner *o = ctx;
	Sotto__ConfirmToken confirm = SOTTO__CONFIRM_TOKEN__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	if (err || !o->confirm)
		return;
	o->confirm = false;
	confirm.token = (ProtobufCBinaryData){ TOKEN_LEN, o->token };
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_CONFIRM_TOKEN;
	m.confirm_token = &confirm;
	owner_send(o, &m);
	owner_poke(o);
	sendq_pump(o->a->sendq);
}

/* The relay's store is not the one we knew: all of ours goes there again. */
static int upload_again(struct agent *a)
{
	struct buf all;
	int ret = db_put_int(a->db, "list-dirty", 1);

	if (!ret)
		ret = db_put_int(a->db, "bundle-dirty", 1);
	buf_init(&all, 256 * 1024);
	if (!ret)
		ret = caps_revocations(a, true, &all);
	if (!ret)
		ret = db_put(a->db, "caps-revoke", all.data, all.len);
	buf_finish(&all);
	return ret;
}

/* What c was given is worth nothing: it gets another, with the next message. */
static int give_again(void *ctx, const struct contact *contact)
{
	struct agent *a = ctx;
	struct contact c = *contact;
	int ret;

	if (c.state != CONTACT_ADDED || !c.has_given)
		return OK;
	c.has_given = c.answered = false;
	ret = contact_save(a->db, &c);
	if (!ret && c.has_capability)
		ret = compose_introduction(a, &c);
	return ret ? ret : sendq_queued(a->sendq, &c);
}

/* The relay had forgotten the account, and with it the key under which it had
 * minted. */
static int begin_again(struct agent *a)
{
	int ret;

	log_warn("the relay had forgotten this account; contact links made "
		 "before are void");
	ret = caps_forget(a);
	return ret ? ret : contact_each(a->db, give_again, a);
}

static int store_ready(struct owner *o, const Sotto__Ready *r)
{
	struct agent *a = o->a;
	struct buf held;
	bool changed, known;
	int ret;

	buf_init(&held, INCARNATION_LEN);
	ret = db_get(a->db, "incarnation", &held);
	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	known = !ret;
	changed = known && (held.len != INCARNATION_LEN ||
		memcmp(held.data, o->incarnation, INCARNATION_LEN));
	buf_finish(&held);
	ret = db_put(a->db, "token", r->token.data, TOKEN_LEN);
	if (!ret)
		ret = db_put_int(a->db, "registered", 1);
	if (!ret)
		ret = db_put(a->db, "incarnation", o->incarnation,
			     INCARNATION_LEN);
	if (!ret && (changed || r->list_version < a->keys->list.version))
		ret = upload_again(a);
	if (!ret && known && r->registered)
		ret = begin_again(a);
	return ret;
}

static void on_ready(void *ctx, const Sotto__Ready *r)
{
	struct owner *o = ctx;
	int ret;

	memset(o->pending, 0, sizeof(o->pending));
	o->stalled = o->caught_up = o->broken = o->confirm = false;
	o->ack = o->acked = 0;
	o->prekeys = r->prekeys;
	memcpy(o->token, r->token.data, TOKEN_LEN);
	ret = turn_begin(o->a->turn);
	if (!ret)
		ret = turn_end(o->a->turn, store_ready(o, r));
	if (ret) {
		relay_conn_fail(o->conn, 0, agent_store_text(ret), false);
		return;
	}
	o->confirm = true;
	turn_after(o->a->turn, after_ready, o);
}

/* ---- mail ---- */

static void after_batch(void *ctx, int err)
{
	struct owner *o = ctx;
	Sotto__Ack ack = SOTTO__ACK__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	o->batch = 0;
	o->batch_bytes = 0;
	if (err || o->ack == o->acked || !relay_conn_link(o->conn))
		return;
	fault_point("agent.ack");
	o->acked = ack.sequence = o->ack;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_ACK;
	m.ack = &ack;
	owner_send(o, &m);
}

static void on_deliver(void *ctx, const Sotto__Deliver *d)
{
	struct owner *o = ctx;
	struct turn *turn = o->a->turn;
	int ret;

	fault_point("agent.receive");
	if (o->broken)
		return;
	ret = turn_enter(turn);
	if (!ret) {
		turn_mark_inbox(turn);
		ret = turn_leave(turn, inbox_deliver(o->inbox, d));
	}
	if (ret) {
		/* An Ack is cumulative: none of what follows may be taken. */
		o->broken = true;
		relay_conn_fail(o->conn, 0, agent_store_text(ret), false);
		return;
	}
	if (d->sequence)
		o->ack = d->sequence;
	turn_after(turn, after_batch, o);
	o->batch_bytes += d->payload.len + d->sealed.len;
	if (++o->batch >= BATCH_MAX || o->batch_bytes >= BATCH_BYTES)
		turn_commit(turn);
	else if (!o->caught_up)
		turn_linger(turn, LINGER_MS);
}

static void after_caught_up(void *ctx, int err)
{
	struct owner *o = ctx;

	if (err || !relay_conn_link(o->conn))
		return;
	o->caught_up = true;
	order_caught_up(o->a->order, true);
	notice_connection(o->a);
}

static void on_caught_up(void *ctx)
{
	struct owner *o = ctx;

	turn_after(o->a->turn, after_caught_up, o);
}

static void on_expired(void *ctx, uint64_t count)
{
	(void)ctx;
	log_warn("%llu envelopes were not fetched in time and have expired",
		 (unsigned long long)count);
}

/* ---- errors ---- */

static void on_retry(uv_timer_t *timer)
{
	struct owner *o = timer->data;

	o->stalled = false;
	owner_poke(o);
}

void owner_stall(struct owner *o)
{
	o->stalled = true;
	uv_timer_start(o->retry, on_retry, RETRY_MS, 0);
}

static const char *auth_error(int code, bool *give_up)
{
	*give_up = false;
	switch (code) {
	case SOTTO__ERROR_CODE__VERSION:
		return "the relay speaks no version of the protocol known here";
	case SOTTO__ERROR_CODE__AUTH_FAILED:
		return "the relay refuses this account's key";
	case SOTTO__ERROR_CODE__UNKNOWN_ACCOUNT:
		return "the relay does not know this account; registering again";
	case SOTTO__ERROR_CODE__INVITE_NEEDED:
		return "the relay asks for an invitation";
	case SOTTO__ERROR_CODE__COPIED:
		*give_up = true;
		return "this store is a copy of one that is used elsewhere; "
			"set up a new device";
	case SOTTO__ERROR_CODE__UNAVAILABLE:
		return "the relay cannot reach its store";
	case SOTTO__ERROR_CODE__RATE:
		return "the relay asks us to slow down";
	default:
		return "the relay did not understand us";
	}
}

static void on_error(void *ctx, const Sotto__Error *e)
{
	struct owner *o = ctx;
	struct agent *a = o->a;
	const char *why;
	bool give_up;

	log_warn("the relay answers error %d: %s", (int)e->code, e->text);
	if (e->request) {
		for (int i = 0; i < N_ASKED; i++)
			if (o->pending[i] == e->request)
				o->pending[i] = 0;
		owner_stall(o);
		return;
	}
	if (e->code == SOTTO__ERROR_CODE__UNKNOWN_ACCOUNT &&
	    (turn_begin(a->turn) ||
	     turn_end(a->turn, db_put_int(a->db, "registered", 0))))
		log_error("cannot note that the account is not registered");
	why = auth_error((int)e->code, &give_up);
	relay_conn_fail(o->conn, 0, why, give_up);
}

static void on_closing(void *ctx, uint32_t retry_after)
{
	struct owner *o = ctx;

	relay_conn_retry_after(o->conn, retry_after);
}

static void on_lost(void *ctx)
{
	struct owner *o = ctx;

	o->caught_up = false;
	memset(o->pending, 0, sizeof(o->pending));
	order_caught_up(o->a->order, false);
}

static void on_changed(void *ctx)
{
	struct owner *o = ctx;

	notice_connection(o->a);
}

static const struct relay_conn_ops ops = {
	.link = {
		.challenge = on_challenge,
		.ready = on_ready,
		.deliver = on_deliver,
		.caught_up = on_caught_up,
		.expired = on_expired,
		.done = owner_on_done,
		.minted = owner_on_minted,
		.error = on_error,
		.closing = on_closing,
	},
	.lost = on_lost,
	.changed = on_changed,
};

/* ---- life ---- */

int owner_create(struct agent *a, struct owner **out)
{
	struct relay_url url;
	struct owner *o;
	struct buf text;
	int ret;

	buf_init(&text, RELAY_URL_MAX + 1);
	ret = db_get(a->db, "relay", &text);
	if (!ret)
		ret = buf_append_u8(&text, 0);
	if (!ret && relay_url_parse((char *)text.data, &url))
		ret = ERR_CORRUPT;
	buf_finish(&text);
	if (ret)
		return ret == ERR_NOT_FOUND ? ERR_CORRUPT : ret;
	o = xcalloc(1, sizeof(*o));
	o->a = a;
	o->inbox = inbox_create(a);
	o->retry = xcalloc(1, sizeof(*o->retry));
	uv_timer_init(a->loop, o->retry);
	o->retry->data = o;
	o->conn = relay_conn_create(a->loop, a->sys, a->ws, &url, true, &ops,
				    o);
	*out = o;
	return OK;
}

void owner_start(struct owner *o)
{
	relay_conn_open(o->conn);
}

void owner_retry(struct owner *o)
{
	relay_conn_retry(o->conn);
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void owner_destroy(struct owner *o)
{
	if (!o)
		return;
	relay_conn_destroy(o->conn);
	inbox_destroy(o->inbox);
	uv_close((uv_handle_t *)o->retry, free_handle);
	free(o);
}

struct relay_conn_status owner_status(const struct owner *o)
{
	return relay_conn_status(o->conn);
}

bool owner_caught_up(const struct owner *o)
{
	return o->caught_up;
}

const struct relay_url *owner_url(const struct owner *o)
{
	return relay_conn_url(o->conn);
}

void owner_store_failed(struct owner *o, int err)
{
	relay_conn_fail(o->conn, 0, agent_store_text(err), false);
}

static void after_prekey_used(void *ctx, int err)
{
	struct owner *o = ctx;

	if (!err && o->prekeys < PREKEYS_REFILL_BELOW)
		owner_poke(o);
}

void owner_prekey_used(struct owner *o)
{
	if (o->prekeys)
		o->prekeys--;
	turn_after(o->a->turn, after_prekey_used, o);
}

void owner_rotate(struct owner *o)
{
	struct agent *a = o->a;
	bool changed = false;
	int ret = turn_begin(a->turn);

	if (ret)
		return;
	ret = keys_rotate(a->db, a->keys, a->sys, &changed);
	if (!ret && changed)
		ret = db_put_int(a->db, "bundle-dirty", 1);
	ret = turn_end(a->turn, ret);
	if (ret) {
		log_error("keys were not rotated: %s", err_text(ret));
		return;
	}
	inbox_keys_changed(o->inbox);
	if (changed && agent_seal_key_changed(a))
		log_error("the new seal key cannot be read");
	turn_after(a->turn, owner_after_records, o);
}

uint32_t owner_retention(const struct owner *o)
{
	int64_t v = 0;

	if (db_get_int(o->a->db, "retention", &v) || v <= 0)
		return RETENTION_DEFAULT;
	return (uint32_t)v;
}
