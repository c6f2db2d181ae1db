/* The relay protocol (relay.proto) from the client's side: a state machine
 * without I/O. Bytes come in and become checked messages; messages become frames
 * to be written. */
#ifndef SOTTO_RELAY_LINK_H
#define SOTTO_RELAY_LINK_H

#include <stdbool.h>

#include "buf.h"
#include "err.h"
#include "frame.h"
#include "relay.pb-c.h"

/* What the relay said. All sizes have been checked. Any may be NULL; none may
 * call relay_link_finish. */
struct relay_link_ops {
	/* Owner: answer by relay_link_send of an Auth. */
	void (*challenge)(void *ctx, const Sotto__Challenge *c);
	/* The connection can be used; NULL on sender connections. */
	void (*ready)(void *ctx, const Sotto__Ready *r);
	void (*deliver)(void *ctx, const Sotto__Deliver *d);
	void (*caught_up)(void *ctx);
	void (*expired)(void *ctx, uint64_t count);
	void (*done)(void *ctx, uint32_t request);
	void (*minted)(void *ctx, const Sotto__Minted *m);
	void (*fetched)(void *ctx, const Sotto__Fetched *f);
	void (*sent)(void *ctx, const Sotto__Sent *s);
	void (*error)(void *ctx, const Sotto__Error *e);
	void (*closing)(void *ctx, uint32_t retry_after);
};

enum relay_link_state { LINK_HELLO, LINK_AUTH, LINK_READY };

enum {
	/* What may wait for the socket; the peer's window bounds Sends too. */
	RELAY_LINK_OUT_MAX = 16 * 1024 * 1024,
	RELAY_LINK_FRAME = 256 * 1024,	/* of several messages together */
	RELAY_LINK_FRAME_MIN = 64 * 1024,	/* what every relay takes */
};

/* Plain struct; read state, sequence and limits. */
struct relay_link {
	bool owner;
	enum relay_link_state state;
	const struct relay_link_ops *ops;
	void *ctx;
	struct buf out;
	uint64_t sequence;	/* of the last Deliver */
	unsigned unanswered;	/* Sends and Fetches */
	uint32_t send_window;
	uint32_t max_payload;	/* bytes of a Send's */
	uint32_t max_slots;	/* of a Send */
	uint32_t max_frame;	/* bytes */
};

/* Queues the Hello. */
void relay_link_init(struct relay_link *l, bool owner,
		     const struct relay_link_ops *ops, void *ctx);
void relay_link_finish(struct relay_link *l);

/* One WebSocket message from the relay. ERR_FORMAT: the relay breaks the
 * protocol, close with CLOSE_MALFORMED. */
int relay_link_input(struct relay_link *l, const uint8_t *data,
		     size_t len) must_check;
/* Appends the next frame, as many queued messages as go into it; nothing when
 * there are none. */
void relay_link_output(struct relay_link *l, struct buf *frame);
/* ERR_FULL: a Send or Fetch beyond the window, or too much is queued.
 * ERR_TOO_BIG: a Send larger than this relay takes, now and later. */
int relay_link_send(struct relay_link *l,
		    const Sotto__ClientMessage *m) must_check;
/* Whether a Send or Fetch fits the window now. */
bool relay_link_has_room(const struct relay_link *l);

#endif
