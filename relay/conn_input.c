/* What comes in on a connection: frames are parsed, and each message goes to its
 * handler when the connection's state and role allow it. */
#include "auth.h"
#include "conn.h"
#include "deliver.h"
#include "fault.h"
#include "grants.h"
#include "records.h"
#include "send.h"
#include "sys.h"

enum {
	/* What protobuf-c may take for a frame: messages unpacked are larger
	 * than their encoding, but no honest frame is this much larger. */
	ARENA_FACTOR = 4,
	ARENA_EXTRA = 64 * 1024,
};

size_t conn_frame_max(const struct conn *c)
{
	return c->state == CONN_OPEN ? FRAME_MAX : HANDSHAKE_FRAME_MAX;
}

static void challenge(struct conn *c)
{
	Sotto__Challenge m = SOTTO__CHALLENGE__INIT;

	sys_random(c->core->sys, c->nonce, sizeof(c->nonce));
	m.version = PROTOCOL_VERSION;
	m.nonce.data = c->nonce;
	m.nonce.len = sizeof(c->nonce);
	m.relay_name = (char *)(uintptr_t)c->core->settings.name;
	m.incarnation.data = c->core->incarnation;
	m.incarnation.len = INCARNATION_LEN;
	m.max_frame = FRAME_MAX;
	m.max_payload = PAYLOAD_MAX;
	m.max_slots = SLOTS_MAX;
	m.send_window = SEND_WINDOW;
	m.retention = c->core->settings.retention;
	conn_put(c, SOTTO__SERVER_MESSAGE__OF_CHALLENGE, &m.base);
}

static void on_hello(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__Hello *m = message->hello;

	if (m->role != SOTTO__ROLE__OWNER && m->role != SOTTO__ROLE__SENDER) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "no such role");
		return;
	}
	if (m->min_version > PROTOCOL_VERSION ||
	    m->max_version < PROTOCOL_VERSION) {
		conn_fail(c, SOTTO__ERROR_CODE__VERSION,
			  "this relay speaks version 1");
		return;
	}
	c->role = m->role;
	challenge(c);
	if (c->role == SOTTO__ROLE__OWNER) {
		c->state = CONN_CHALLENGED;
		return;
	}
	c->state = CONN_OPEN;
	conn_watch(c);
	if (c->core->crowded)
		conn_pause(c, true);
}

static void on_auth(struct conn *c, const Sotto__ClientMessage *message)
{
	/* Whatever comes of it, the client has not been slow. */
	conn_watch(c);
	c->state = CONN_AUTHENTICATING;
	auth_begin(c, message->auth);
}

enum { ANY = 1 << SOTTO__ROLE__OWNER | 1 << SOTTO__ROLE__SENDER,
       OWNER = 1 << SOTTO__ROLE__OWNER };

/* By the message's field number: in which state and role it may come. */
static const struct {
	enum conn_state state;
	unsigned roles;
	void (*handle)(struct conn *c, const Sotto__ClientMessage *message);
} table[] = {
	[SOTTO__CLIENT_MESSAGE__OF_HELLO] = { CONN_NEW, ~0u, on_hello },
	[SOTTO__CLIENT_MESSAGE__OF_AUTH] = { CONN_CHALLENGED, OWNER, on_auth },
	[SOTTO__CLIENT_MESSAGE__OF_CONFIRM_TOKEN] =
		{ CONN_OPEN, OWNER, records_confirm_token },
	[SOTTO__CLIENT_MESSAGE__OF_ACK] = { CONN_OPEN, OWNER, deliver_on_ack },
	[SOTTO__CLIENT_MESSAGE__OF_PUT_LIST] =
		{ CONN_OPEN, OWNER, records_put_list },
	[SOTTO__CLIENT_MESSAGE__OF_PUT_BUNDLE] =
		{ CONN_OPEN, OWNER, records_put_bundle },
	[SOTTO__CLIENT_MESSAGE__OF_PUT_PREKEYS] =
		{ CONN_OPEN, OWNER, records_put_prekeys },
	[SOTTO__CLIENT_MESSAGE__OF_MINT] = { CONN_OPEN, OWNER, grants_mint },
	[SOTTO__CLIENT_MESSAGE__OF_REVOKE] =
		{ CONN_OPEN, OWNER, grants_revoke },
	[SOTTO__CLIENT_MESSAGE__OF_FETCH] = { CONN_OPEN, ANY, grants_fetch },
	[SOTTO__CLIENT_MESSAGE__OF_SEND] = { CONN_OPEN, ANY, send_begin },
};

static void handle(struct conn *c, const Sotto__ClientMessage *m)
{
	unsigned kind = (unsigned)m->of_case;

	if (kind == 0 || kind >= sizeof(table) / sizeof(table[0])) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, "unknown message");
		return;
	}
	if (table[kind].state != c->state ||
	    !(table[kind].roles & 1u << c->role)) {
		conn_fail(c, SOTTO__ERROR_CODE__OUT_OF_ORDER,
			  "not allowed in this state or role");
		return;
	}
	table[kind].handle(c, m);
}

void conn_receive(struct conn *c, const uint8_t *data, size_t len)
{
	struct arena *arena = &c->core->arena;
	Sotto__ClientFrame *frame;

	if (c->state == CONN_CLOSING)
		return;
	conn_heard(c);
	if (len > conn_frame_max(c)) {
		conn_close(c, CLOSE_TOO_BIG);
		return;
	}
	arena_reset(arena, ARENA_EXTRA + ARENA_FACTOR * len);
	frame = sotto__client_frame__unpack(&arena->allocator, len, data);
	if (!frame) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED,
			  "the frame does not parse");
		goto out;
	}
	fault_point("relay.receive");
	conn_ref(c);
	for (size_t i = 0; i < frame->n_messages; i++) {
		if (c->state == CONN_CLOSING)
			break;
		handle(c, frame->messages[i]);
	}
	conn_unref(c);
out:
	arena_reset(arena, 0);
}
