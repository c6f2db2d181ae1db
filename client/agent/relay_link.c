#include "relay_link.h"

#include "capability.h"
#include "identity.h"

enum {
	MESSAGES_TAG = 1 << 3 | 2,	/* messages of both frames */
	MESSAGE_MAX = 40 * 1024,	/* a Deliver is the largest */
};

static bool sized(const ProtobufCBinaryData *b, size_t len)
{
	return b->len == len;
}

void relay_link_init(struct relay_link *l, bool owner,
		     const struct relay_link_ops *ops, void *ctx)
{
	Sotto__Hello hello = SOTTO__HELLO__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	*l = (struct relay_link){ .owner = owner, .ops = ops, .ctx = ctx };
	buf_init(&l->out, RELAY_LINK_OUT_MAX);
	hello.min_version = hello.max_version = PROTOCOL_VERSION;
	hello.role = owner ? SOTTO__ROLE__OWNER : SOTTO__ROLE__SENDER;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_HELLO;
	m.hello = &hello;
	if (relay_link_send(l, &m))
		abort();	/* an empty queue takes it */
}

void relay_link_finish(struct relay_link *l)
{
	buf_finish(&l->out);
}

static int on_challenge(struct relay_link *l, const Sotto__Challenge *c)
{
	if (l->state != LINK_HELLO || c->version != PROTOCOL_VERSION ||
	    !sized(&c->nonce, NONCE_LEN) ||
	    !sized(&c->incarnation, INCARNATION_LEN) ||
	    strlen(c->relay_name) > RELAY_NAME_MAX ||
	    !c->send_window || c->max_frame < RELAY_LINK_FRAME_MIN ||
	    !c->max_payload || !c->max_slots)
		return ERR_FORMAT;
	l->send_window = c->send_window < SEND_WINDOW ?
		c->send_window : SEND_WINDOW;
	l->max_payload = c->max_payload;
	l->max_slots = c->max_slots;
	l->max_frame = c->max_frame;
	l->state = l->owner ? LINK_AUTH : LINK_READY;
	if (l->ops->challenge)
		l->ops->challenge(l->ctx, c);
	if (!l->owner && l->ops->ready)
		l->ops->ready(l->ctx, NULL);
	return OK;
}

static int on_ready(struct relay_link *l, const Sotto__Ready *r)
{
	if (!l->owner || l->state != LINK_AUTH || !sized(&r->token, TOKEN_LEN))
		return ERR_FORMAT;
	l->state = LINK_READY;
	if (l->ops->ready)
		l->ops->ready(l->ctx, r);
	return OK;
}

static int on_deliver(struct relay_link *l, const Sotto__Deliver *d)
{
	if (!l->owner || !sized(&d->envelope, ENVELOPE_ID_LEN) ||
	    !sized(&d->capability, CAPABILITY_ID_LEN) ||
	    !sized(&d->ephemeral_key, 32) || d->sealed.len > SEALED_MAX ||
	    d->payload.len > PAYLOAD_MAX)
		return ERR_FORMAT;
	if (d->sequence) {
		if (d->sequence <= l->sequence)
			return ERR_FORMAT;
		l->sequence = d->sequence;
	}
	if (l->ops->deliver)
		l->ops->deliver(l->ctx, d);
	return OK;
}

static int on_minted(struct relay_link *l, const Sotto__Minted *m)
{
	if (!l->owner || m->n_capabilities > MINT_MAX)
		return ERR_FORMAT;
	for (size_t i = 0; i < m->n_capabilities; i++)
		if (!sized(&m->capabilities[i], CAPABILITY_LEN))
			return ERR_FORMAT;
	if (l->ops->minted)
		l->ops->minted(l->ctx, m);
	return OK;
}

/* Answers without a question are a lie. */
static int answered(struct relay_link *l)
{
	if (l->owner || !l->unanswered)
		return ERR_FORMAT;
	l->unanswered--;
	return OK;
}

static int on_fetched(struct relay_link *l, const Sotto__Fetched *f)
{
	if (!sized(&f->id, 16) || f->n_bundles > DEVICES_MAX || answered(l))
		return ERR_FORMAT;
	if (l->ops->fetched)
		l->ops->fetched(l->ctx, f);
	return OK;
}

static int on_sent(struct relay_link *l, const Sotto__Sent *s)
{
	if (!sized(&s->id, ENVELOPE_ID_LEN) || !s->n_statuses ||
	    s->n_statuses > SLOTS_MAX || answered(l))
		return ERR_FORMAT;
	if (l->ops->sent)
		l->ops->sent(l->ctx, s);
	return OK;
}

static int on_error(struct relay_link *l, const Sotto__Error *e)
{
	if (e->id.len && !sized(&e->id, 16))
		return ERR_FORMAT;
	if (e->id.len && answered(l))
		return ERR_FORMAT;
	if (l->ops->error)
		l->ops->error(l->ctx, e);
	return OK;
}

static int on_message(struct relay_link *l, const Sotto__ServerMessage *m)
{
	switch (m->of_case) {
	case SOTTO__SERVER_MESSAGE__OF_CHALLENGE:
		return on_challenge(l, m->challenge);
	case SOTTO__SERVER_MESSAGE__OF_READY:
		return on_ready(l, m->ready);
	case SOTTO__SERVER_MESSAGE__OF_ERROR:
		return on_error(l, m->error);
	case SOTTO__SERVER_MESSAGE__OF_CLOSING:
		if (l->ops->closing)
			l->ops->closing(l->ctx, m->closing->retry_after);
		return OK;
	default:
		break;
	}
	if (l->state != LINK_READY)
		return ERR_FORMAT;
	switch (m->of_case) {
	case SOTTO__SERVER_MESSAGE__OF_DELIVER:
		return on_deliver(l, m->deliver);
	case SOTTO__SERVER_MESSAGE__OF_CAUGHT_UP:
		if (!l->owner)
			return ERR_FORMAT;
		if (l->ops->caught_up)
			l->ops->caught_up(l->ctx);
		return OK;
	case SOTTO__SERVER_MESSAGE__OF_EXPIRED:
		if (!l->owner)
			return ERR_FORMAT;
		if (l->ops->expired)
			l->ops->expired(l->ctx, m->expired->count);
		return OK;
	case SOTTO__SERVER_MESSAGE__OF_DONE:
		if (!l->owner)
			return ERR_FORMAT;
		if (l->ops->done)
			l->ops->done(l->ctx, m->done->request);
		return OK;
	case SOTTO__SERVER_MESSAGE__OF_MINTED:
		return on_minted(l, m->minted);
	case SOTTO__SERVER_MESSAGE__OF_FETCHED:
		return on_fetched(l, m->fetched);
	case SOTTO__SERVER_MESSAGE__OF_SENT:
		return on_sent(l, m->sent);
	default:
		return OK;	/* of a later minor version */
	}
}

/* A varint of at most 32 bits; ERR_FORMAT. */
static int read_length(struct bytes *in, size_t *out)
{
	size_t v = 0;

	for (unsigned shift = 0; shift < 35 && in->len; shift += 7) {
		uint8_t c = *in->data++;

		in->len--;
		v |= (size_t)(c & 0x7f) << shift;
		if (!(c & 0x80)) {
			*out = v;
			return OK;
		}
	}
	return ERR_FORMAT;
}

/* Message by message, not the frame as a whole: eight megabytes of empty
 * messages would become hundreds in memory. */
int relay_link_input(struct relay_link *l, const uint8_t *data, size_t len)
{
	struct bytes in = { data, len };

	while (in.len) {
		Sotto__ServerMessage *m;
		size_t n;
		int ret;

		if (*in.data != MESSAGES_TAG)
			return ERR_FORMAT;
		in.data++;
		in.len--;
		if (read_length(&in, &n) || n > in.len || n > MESSAGE_MAX)
			return ERR_FORMAT;
		m = sotto__server_message__unpack(NULL, n, in.data);
		if (!m)
			return ERR_FORMAT;
		ret = on_message(l, m);
		sotto__server_message__free_unpacked(m, NULL);
		if (ret)
			return ret;
		in.data += n;
		in.len -= n;
	}
	return OK;
}

/* Length of the queue's message at data, which begins with the tag of
 * ClientFrame.messages and a varint. */
static size_t queued_len(const uint8_t *data)
{
	size_t len = 0, i = 1;
	unsigned shift = 0;

	do {
		len |= (size_t)(data[i] & 0x7f) << shift;
		shift += 7;
	} while (data[i++] & 0x80);
	return i + len;
}

void relay_link_output(struct relay_link *l, struct buf *frame)
{
	size_t max = l->state != LINK_READY ? RELAY_LINK_FRAME_MIN :
		l->max_frame < RELAY_LINK_FRAME ? l->max_frame :
		RELAY_LINK_FRAME;
	size_t len = 0;

	while (len < l->out.len) {
		size_t next = queued_len(l->out.data + len);

		if (len && len + next > max)
			break;
		len += next;
	}
	if (!len)
		return;
	if (buf_append(frame, l->out.data, len))
		abort();	/* one message is far below the frame's maximum */
	buf_consume(&l->out, len);
	if (!l->out.len)
		buf_finish(&l->out);
}

bool relay_link_has_room(const struct relay_link *l)
{
	return l->state == LINK_READY && l->unanswered < l->send_window &&
		l->out.len < RELAY_LINK_OUT_MAX / 8;
}

/* len: of the message, with the frame around it. */
static bool takes(const struct relay_link *l, const Sotto__ClientMessage *m,
		  size_t len)
{
	return m->of_case != SOTTO__CLIENT_MESSAGE__OF_SEND ||
		(m->send->payload.len <= l->max_payload &&
		 m->send->n_slots <= l->max_slots && len <= l->max_frame);
}

int relay_link_send(struct relay_link *l, const Sotto__ClientMessage *m)
{
	bool asks = m->of_case == SOTTO__CLIENT_MESSAGE__OF_SEND ||
		m->of_case == SOTTO__CLIENT_MESSAGE__OF_FETCH;
	size_t len = sotto__client_message__get_packed_size(m);
	uint8_t head[11], *room;
	size_t n = 0;

	if (asks && !relay_link_has_room(l))
		return ERR_FULL;
	head[n++] = MESSAGES_TAG;
	for (size_t v = len; ; v >>= 7) {
		head[n++] = (uint8_t)((v & 0x7f) | (v > 0x7f ? 0x80 : 0));
		if (v <= 0x7f)
			break;
	}
	if (!takes(l, m, n + len))
		return ERR_TOO_BIG;
	room = buf_reserve(&l->out, n + len);
	if (!room)
		return ERR_FULL;
	memcpy(room, head, n);
	sotto__client_message__pack(m, room + n);
	l->out.len += n + len;
	if (asks)
		l->unanswered++;
	return OK;
}
