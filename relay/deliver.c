#include "deliver.h"

#include "conn.h"
#include "drain.h"
#include "fault.h"
#include "mailbox.h"
#include "pb.h"

enum {
	OUT_MAX = 256 * 1024,	/* bytes that wait for a slow reader's socket */
	OUT_MIN = 16 * 1024,	/* and when too many are slow */
	QUICK_MAX = 16,
	QUICK_FROM = 8,
	QUICK_LOSS = 4,
};

struct flight {
	uint64_t sequence;
	uint32_t bytes;
};

void deliver_init(struct owner *o, struct conn *c, struct mailbox *mailbox)
{
	o->conn = c;
	o->mailbox = mailbox;
	o->quick = QUICK_FROM;
}

void deliver_finish(struct owner *o)
{
	free(o->flights);
	o->flights = NULL;
	o->n = 0;
}

size_t deliver_room(const struct owner *o, size_t *bytes)
{
	size_t out = o->conn->out.len;
	size_t max = o->conn->core->output < CORE_OUTPUT_MAX ? OUT_MAX :
							       OUT_MIN;

	if (o->n >= DELIVER_WINDOW || o->bytes >= DELIVER_WINDOW_BYTES ||
	    out >= max)
		return 0;
	*bytes = DELIVER_WINDOW_BYTES - o->bytes;
	if (*bytes > max - out)
		*bytes = max - out;
	return DELIVER_WINDOW - o->n;
}

static void flight_add(struct owner *o, uint64_t sequence, size_t bytes)
{
	struct flight *f;

	if (o->n == o->cap) {
		size_t cap = o->cap ? o->cap * 2 : 8;
		struct flight *ring = xcalloc(cap, sizeof(*ring));

		for (size_t i = 0; i < o->n; i++)
			ring[i] = o->flights[(o->first + i) % o->cap];
		free(o->flights);
		o->flights = ring;
		o->first = 0;
		o->cap = cap;
	}
	f = &o->flights[(o->first + o->n) % o->cap];
	f->sequence = sequence;
	f->bytes = (uint32_t)bytes;
	o->n++;
	o->bytes += bytes;
}

void deliver_push(struct owner *o, const struct delivery *d)
{
	Sotto__Deliver m = SOTTO__DELIVER__INIT;

	fault_point("relay.push");
	m.sequence = d->sequence;
	m.envelope = pb_bytes(d->id, ENVELOPE_ID_LEN);
	m.capability = pb_bytes(d->capability, CAPABILITY_ID_LEN);
	m.ephemeral_key = pb_bytes(d->ephemeral_key, 32);
	m.sealed = pb_bytes(d->sealed.data, d->sealed.len);
	m.payload = pb_bytes(d->payload.data, d->payload.len);
	if (d->sequence > 0) {
		flight_add(o, d->sequence, d->sealed.len + d->payload.len);
		o->queued = d->sequence;
		if (o->probe == 0) {
			o->probe = d->sequence;
			o->probe_at = core_now(o->conn->core);
		}
	}
	conn_put(o->conn, SOTTO__SERVER_MESSAGE__OF_DELIVER, &m.base);
}

bool deliver_quick(const struct owner *o)
{
	return o->quick >= QUICK_FROM;
}

/* Once for all that waited at the same time: the probe is the first of them. */
void deliver_missed(struct owner *o)
{
	if (o->probe == 0)
		return;
	o->quick = o->quick > QUICK_LOSS ? o->quick - QUICK_LOSS : 0;
	o->probe = 0;
}

void deliver_wrote(struct owner *o)
{
	o->sent = o->queued;
	drain_go_on(o->mailbox);
}

static void sample(struct owner *o, uint64_t sequence)
{
	struct core *core = o->conn->core;

	if (o->probe == 0 || sequence < o->probe)
		return;
	if (core_now(core) - o->probe_at > core_ack_wait(core)) {
		deliver_missed(o);
		return;
	}
	o->probe = 0;
	if (o->quick < QUICK_MAX)
		o->quick++;
}

void deliver_on_ack(struct conn *c, const Sotto__ClientMessage *message)
{
	struct owner *o = c->owner;
	uint64_t sequence = message->ack->sequence;

	if (sequence > o->sent) {
		conn_fail(c, SOTTO__ERROR_CODE__BAD_ACK,
			  "beyond what this connection was sent");
		return;
	}
	fault_point("relay.ack");
	sample(o, sequence);
	while (o->n > 0 && o->flights[o->first].sequence <= sequence) {
		o->bytes -= o->flights[o->first].bytes;
		o->first = (o->first + 1) % o->cap;
		o->n--;
	}
	mailbox_ack(o->mailbox, sequence);
}
