/* Anonymous connections, one a relay: opened for what is to be sent. */
#include "sendq_int.h"

enum {
	SENDERS_MAX = 128,	/* contacts may name another relay each time */
	LONG_MS = 10 * 1000,	/* then another's turn does no harm */
};

static void on_ready(void *ctx, const Sotto__Ready *r)
{
	struct sender *s = ctx;

	(void)r;
	sendq_pump(s->q);
}

/* What was unanswered is sent again, the same bytes. */
static void on_lost(void *ctx)
{
	struct sender *s = ctx;

	for (unsigned i = 0; i < s->n_inflight; i++) {
		struct lane *l = s->inflight[i].lane;

		if (s->inflight[i].row)
			l->inflight--;
		l->last = 0;
		l->active = true;
	}
	s->n_inflight = 0;
	for (size_t i = 0; i < s->q->n_lanes; i++)
		if (s->q->lanes[i]->sender == s)
			s->q->lanes[i]->fetching = false;
}

static bool has_work(const struct sender *s)
{
	for (size_t i = 0; i < s->q->n_lanes; i++) {
		const struct lane *l = s->q->lanes[i];

		if (l->sender == s && (l->active || l->want_bundles))
			return true;
	}
	return false;
}

static void on_changed(void *ctx)
{
	struct sender *s = ctx;

	/* Nothing to send: no need to come back by itself. */
	if (relay_conn_status(s->conn).state == CONN_WAITING && !has_work(s))
		relay_conn_close(s->conn);
}

static void on_closing(void *ctx, uint32_t retry_after)
{
	struct sender *s = ctx;

	relay_conn_retry_after(s->conn, retry_after);
}

static const struct relay_conn_ops sender_ops = {
	.link = {
		.ready = on_ready,
		.fetched = sendq_on_fetched,
		.sent = sendq_on_sent,
		.error = sendq_on_error,
		.closing = on_closing,
	},
	.lost = on_lost,
	.changed = on_changed,
};

/* How little it is missed: 2 when it has nothing to do, 1 when it waits long to try
 * again, 0 while it is at work. */
static int idleness(const struct sender *s)
{
	struct relay_conn_status status = relay_conn_status(s->conn);

	if (s->n_inflight || status.state == CONN_ONLINE ||
	    status.state == CONN_CONNECTING)
		return 0;
	if (!has_work(s))
		return 2;
	return status.retry_at > sys_wall_ms(s->q->a->sys) + LONG_MS;
}

/* Makes room for one more. false: all are at work. */
static bool drop_one(struct sendq *q)
{
	size_t which = 0;
	int most = 0;

	for (size_t i = 0; i < q->n_senders && most < 2; i++) {
		int idle = idleness(q->senders[i]);

		if (idle > most) {
			most = idle;
			which = i;
		}
	}
	if (!most)
		return false;
	for (size_t i = 0; i < q->n_lanes; i++)
		if (q->lanes[i]->sender == q->senders[which])
			q->lanes[i]->sender = NULL;
	relay_conn_destroy(q->senders[which]->conn);
	free(q->senders[which]);
	q->senders[which] = q->senders[--q->n_senders];
	return true;
}

struct sender *sendq_sender(struct sendq *q, const char *relay)
{
	struct relay_url url;
	struct sender *s;

	if (relay_url_parse(relay, &url))
		return NULL;
	for (size_t i = 0; i < q->n_senders; i++) {
		const struct relay_url *u = relay_conn_url(q->senders[i]->conn);

		if (u->tls == url.tls && u->port == url.port &&
		    !strcmp(u->host, url.host))
			return q->senders[i];
	}
	if (q->n_senders >= SENDERS_MAX && !drop_one(q))
		return NULL;
	q->senders = xrealloc(q->senders,
			      (q->n_senders + 1) * sizeof(*q->senders));
	s = xcalloc(1, sizeof(*s));
	s->q = q;
	s->conn = relay_conn_create(q->a->loop, q->a->sys, q->a->ws, &url,
				    false, &sender_ops, s);
	q->senders[q->n_senders++] = s;
	return s;
}
