/* Anonymous connections, one a relay: opened for what is to be sent. */
#include "sendq_int.h"

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
	q->senders = xrealloc(q->senders,
			      (q->n_senders + 1) * sizeof(*q->senders));
	s = xcalloc(1, sizeof(*s));
	s->q = q;
	s->conn = relay_conn_create(q->a->loop, q->a->sys, q->a->ws, &url,
				    false, &sender_ops, s);
	q->senders[q->n_senders++] = s;
	return s;
}
