#include "owner.h"

#include "fault.h"
#include "inbox.h"
#include "log.h"
#include "notice.h"
#include "order.h"
#include "owner_int.h"

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
		.challenge = owner_on_challenge,
		.ready = owner_on_ready,
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
