/* Ephemeral envelopes: sent once, to who is there. */
#include "compose.h"
#include "sendq_int.h"

enum {
	TYPING_EVERY_MS = 3000,
	EPHEMERAL_MAX = 64 * 1024,	/* bytes of a Send */
};

/* An ephemeral Send on its way through the commit. */
struct ephemeral {
	struct sendq *q;
	struct sender *sender;
	struct outbox_entry e;
	int64_t contact;
};

/* NULL when the sender is gone meanwhile. */
static struct relay_link *link_of(const struct ephemeral *p)
{
	for (size_t i = 0; i < p->q->n_senders; i++)
		if (p->q->senders[i] == p->sender)
			return relay_conn_link(p->sender->conn);
	return NULL;
}

static void after_ephemeral(void *ctx, int err)
{
	struct ephemeral *p = ctx;
	struct relay_link *link = link_of(p);
	struct lane *l = sendq_lane(p->q, p->contact);

	if (!err && link && relay_link_has_room(link) &&
	    !lane_send(l, p->sender, &p->e))
		l->inflight--;	/* it holds nobody up */
	buf_wipe(&p->e.bytes);
	free(p);
}

void sendq_typing(struct sendq *q, struct contact *c, bool on)
{
	Sotto__Content content = SOTTO__CONTENT__INIT;
	Sotto__Typing typing = SOTTO__TYPING__INIT;
	struct lane *l = sendq_lane(q, c->row);
	struct sender *s = sendq_sender(q, c->relay);
	uint64_t now = sys_mono_ms(q->a->sys);
	struct ephemeral *p;

	/* Each that is lost is a message key the other side skips. */
	if (l->away || l->active || !c->answered || !s ||
	    !relay_conn_link(s->conn) || !compose_can_encrypt(q->a, c) ||
	    (l->typing == on && (!on || now - l->typing_at < TYPING_EVERY_MS)))
		return;
	l->typing = on;
	l->typing_at = now;
	typing.on = on;
	content.typing = &typing;
	if (turn_begin(q->a->turn))
		return;
	p = xcalloc(1, sizeof(*p));
	p->q = q;
	p->sender = s;
	p->contact = c->row;
	buf_init(&p->e.bytes, EPHEMERAL_MAX);
	if (turn_end(q->a->turn, compose_ephemeral(q->a, c, &content,
						   &p->e.bytes,
						   p->e.envelope))) {
		buf_wipe(&p->e.bytes);
		free(p);
		return;
	}
	turn_after(q->a->turn, after_ephemeral, p);
}
