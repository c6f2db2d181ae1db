#include "sendq.h"

#include "fault.h"
#include "log.h"
#include "notice.h"
#include "sendq_int.h"

/* ---- lanes ---- */

struct lane *sendq_lane(struct sendq *q, int64_t contact)
{
	struct lane *l;

	for (size_t i = 0; i < q->n_lanes; i++)
		if (q->lanes[i]->contact == contact)
			return q->lanes[i];
	q->lanes = xrealloc(q->lanes, (q->n_lanes + 1) * sizeof(*q->lanes));
	l = xcalloc(1, sizeof(*l));
	l->q = q;
	l->contact = contact;
	q->lanes[q->n_lanes++] = l;
	return l;
}

void lane_hold(struct lane *l, bool delay)
{
	const struct sys *sys = l->q->a->sys;
	uint64_t now = sys_mono_ms(sys);

	l->hold = true;
	/* All that were in flight may be refused: that is one failure. */
	if (delay && l->retry_at <= now)
		l->retry_at = now + backoff_ms(sys, l->failures++);
}

void sendq_after_change(void *ctx, int err)
{
	if (!err)
		sendq_pump(ctx);
}

int sendq_queued(struct sendq *q, struct contact *c)
{
	struct lane *l = sendq_lane(q, c->row);
	unsigned n;
	int ret;

	l->active = true;
	ret = lane_encrypt(l, c, &n);
	if (!ret)
		turn_after(q->a->turn, sendq_after_change, q);
	return ret;
}

/* ---- sending ---- */

int lane_send(struct lane *l, struct sender *s, const struct outbox_entry *e)
{
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;
	struct inflight *f = &s->inflight[s->n_inflight];
	int ret;

	if (s->n_inflight == SEND_WINDOW)
		return ERR_FULL;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_SEND;
	m.send = sotto__send__unpack(NULL, e->bytes.len, e->bytes.data);
	if (!m.send)
		return ERR_CORRUPT;
	fault_point("agent.encrypted");
	ret = relay_conn_send(s->conn, &m);
	if (!ret) {
		*f = (struct inflight){ .lane = l, .row = e->row,
					.kind = e->kind };
		memcpy(f->envelope, m.send->id.data, ENVELOPE_ID_LEN);
		memcpy(f->message, e->message, MESSAGE_ID_LEN);
		s->n_inflight++;
		l->inflight++;
		l->sender = s;
	}
	sotto__send__free_unpacked(m.send, NULL);
	return ret;
}

/* Whether the Send's slots are for exactly c's devices. */
static bool fits_list(const struct outbox_entry *e, const struct contact *c)
{
	Sotto__Send *send = sotto__send__unpack(NULL, e->bytes.len,
						e->bytes.data);
	bool fits = send && send->n_slots == c->list.n;

	for (unsigned i = 0; fits && i < c->list.n; i++)
		fits = device_list_find(&c->list, send->slots[i]->device);
	if (send)
		sotto__send__free_unpacked(send, NULL);
	return fits;
}

/* In a turn of its own; the lane goes on after the commit. */
static int change_entry(struct lane *l, struct contact *c,
			struct outbox_entry *e)
{
	struct agent *a = l->q->a;
	unsigned n = 1;
	int ret = turn_enter(a->turn);

	if (ret)
		return ret;
	ret = e->encrypted ? lane_encrypt_again(l, c, e) :
		lane_encrypt(l, c, &n);
	ret = turn_leave(a->turn, ret);
	if (!ret && n)
		turn_after(a->turn, sendq_after_change, l->q);
	return ret;
}

/* No relay of theirs will take it. In a turn of its own. */
static int refuse_entry(struct lane *l, struct contact *c,
			const struct outbox_entry *e)
{
	struct agent *a = l->q->a;
	int ret = turn_enter(a->turn);

	log_warn("a message is larger than the contact's relay takes");
	if (!ret)
		ret = turn_leave(a->turn, lane_fail(l, c, e, "their relay "
				 "does not take messages this large"));
	return ret;
}

/* Sends the lane's entries while there is room. */
static int send_lane(struct lane *l, struct contact *c, struct sender *s)
{
	struct agent *a = l->q->a;
	int ret;

	for (;;) {
		struct relay_link *link = relay_conn_link(s->conn);
		struct outbox_entry e;

		if (!link || !relay_link_has_room(link))
			return OK;
		ret = outbox_next(a->db, c->row, l->last, &e);
		if (ret == ERR_NOT_FOUND) {
			if (!l->inflight)
				l->active = false;
			return OK;
		}
		if (ret)
			return ret;
		if (!e.encrypted || !fits_list(&e, c)) {
			/* Sent after the commit of this. */
			if (!l->want_bundles && (!l->inflight || !e.encrypted))
				ret = change_entry(l, c, &e);
			buf_wipe(&e.bytes);
			return ret;
		}
		if (turn_is_open(a->turn)) {
			/* It may be of this turn: not before the commit. */
			turn_after(a->turn, sendq_after_change, l->q);
			buf_finish(&e.bytes);
			return OK;
		}
		ret = lane_send(l, s, &e);
		if (ret == ERR_TOO_BIG)
			ret = refuse_entry(l, c, &e);
		if (!ret)
			l->last = e.row;
		buf_finish(&e.bytes);
		if (ret)
			return ret == ERR_FULL || ret == ERR_NETWORK ? OK : ret;
	}
}

static int pump_lane(struct lane *l, uint64_t now)
{
	struct agent *a = l->q->a;
	struct contact c;
	struct sender *s;
	int ret;

	if ((!l->active && !l->want_bundles) || l->retry_at > now)
		return OK;
	if (l->hold) {
		if (l->inflight)
			return OK;
		l->hold = false;
		l->last = 0;
	}
	ret = contact_by_row(a->db, l->contact, &c);
	if (ret == ERR_NOT_FOUND) {
		l->active = l->want_bundles = false;
		return OK;
	}
	if (ret)
		return ret;
	if (c.state != CONTACT_ADDED || c.alert || !c.has_capability)
		return OK;
	s = sendq_sender(l->q, c.relay);
	if (!s || (l->inflight && l->sender != s))
		return OK;
	/* Before it connects, so that it tries again for this lane. */
	l->sender = s;
	if (!relay_conn_link(s->conn)) {
		relay_conn_open(s->conn);
		return OK;
	}
	if (!l->stale)
		ret = send_lane(l, &c, s);
	if (!ret && l->want_bundles && !l->fetching)
		lane_fetch(l, &c);
	return ret;
}

static void on_timer(uv_timer_t *timer)
{
	sendq_pump(timer->data);
}

/* The timer stands at the first lane that waits. */
static void arm(struct sendq *q, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = 0; i < q->n_lanes; i++) {
		const struct lane *l = q->lanes[i];

		if ((l->active || l->want_bundles) && l->retry_at > now &&
		    l->retry_at < next)
			next = l->retry_at;
	}
	if (q->retry_at > now)
		next = q->retry_at;
	if (next == UINT64_MAX)
		uv_timer_stop(q->timer);
	else
		uv_timer_start(q->timer, on_timer, next - now, 0);
}

void sendq_pump(struct sendq *q)
{
	uint64_t now = sys_mono_ms(q->a->sys);
	int ret = OK;

	if (q->pumping)
		return;
	q->pumping = true;
	for (size_t i = 0; i < q->n_lanes && q->retry_at <= now && !ret; i++)
		ret = pump_lane(q->lanes[i], now);
	q->pumping = false;
	if (ret) {
		log_error("the outbox cannot be read: %s", err_text(ret));
		sendq_store_failed(q);
	}
	arm(q, now);
}

void sendq_store_failed(struct sendq *q)
{
	const struct sys *sys = q->a->sys;

	for (size_t i = 0; i < q->n_senders; i++)
		relay_conn_close(q->senders[i]->conn);
	q->retry_at = sys_mono_ms(sys) + backoff_ms(sys, q->failures++);
	arm(q, sys_mono_ms(sys));
}

void sendq_store_works(struct sendq *q)
{
	q->retry_at = 0;
	q->failures = 0;
	sendq_pump(q);
}

void sendq_retry(struct sendq *q)
{
	for (size_t i = 0; i < q->n_senders; i++)
		relay_conn_retry(q->senders[i]->conn);
}

/* ---- the rest of the interface ---- */

void sendq_refresh_list(struct sendq *q, const struct contact *c)
{
	struct lane *l = sendq_lane(q, c->row);

	if (l->want_bundles)
		return;
	l->want_bundles = l->list_only = true;
	turn_after(q->a->turn, sendq_after_change, q);
}

bool sendq_wrong_keys(struct sendq *q, const struct contact *c)
{
	return c->row && sendq_lane(q, c->row)->wrong_keys;
}

void sendq_heard(struct sendq *q, int64_t contact)
{
	sendq_lane(q, contact)->away = false;
}

int lane_fail(struct lane *l, struct contact *c, const struct outbox_entry *e,
	      const char *why)
{
	struct agent *a = l->q->a;
	bool changed = false;
	int ret = outbox_remove(a->db, e->row);

	if (ret || e->kind != OUTBOX_TEXT)
		return ret;
	ret = history_set_state(a->db, e->message, MESSAGE_FAILED, why,
				&changed);
	if (!ret && changed)
		ret = notice_receipt(a, c, e->message, MESSAGE_FAILED, why);
	return ret;
}

int sendq_forget(struct sendq *q, const struct contact *c, const char *why)
{
	struct lane *l = sendq_lane(q, c->row);
	struct contact copy = *c;
	int ret = OK;

	while (!ret) {
		struct outbox_entry e;

		ret = outbox_first(q->a->db, c->row, &e);
		if (ret)
			break;
		ret = lane_fail(l, &copy, &e, why);
		buf_wipe(&e.bytes);
	}
	l->active = l->want_bundles = l->stale = l->wrong_keys = false;
	return ret == ERR_NOT_FOUND ? OK : ret;
}

static int add_lane(void *ctx, int64_t contact)
{
	sendq_lane(ctx, contact)->active = true;
	return 0;
}

int sendq_create(struct agent *a, struct sendq **out)
{
	struct sendq *q = xcalloc(1, sizeof(*q));
	int ret;

	q->a = a;
	q->timer = xcalloc(1, sizeof(*q->timer));
	uv_timer_init(a->loop, q->timer);
	q->timer->data = q;
	ret = outbox_lanes(a->db, add_lane, q);
	if (ret)
		sendq_destroy(q);
	else
		*out = q;
	return ret;
}

static void free_handle(uv_handle_t *handle)
{
	free(handle);
}

void sendq_destroy(struct sendq *q)
{
	if (!q)
		return;
	for (size_t i = 0; i < q->n_senders; i++) {
		relay_conn_destroy(q->senders[i]->conn);
		free(q->senders[i]);
	}
	for (size_t i = 0; i < q->n_lanes; i++)
		free(q->lanes[i]);
	free(q->senders);
	free(q->lanes);
	uv_close((uv_handle_t *)q->timer, free_handle);
	free(q);
}
