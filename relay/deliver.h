/* The window of an owner connection: what was pushed to it and not yet
 * acknowledged, and whether its device acknowledges quickly. */
#ifndef SOTTO_DELIVER_H
#define SOTTO_DELIVER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "frame.h"
#include "relay.pb-c.h"

struct conn;
struct flight;
struct mailbox;

/* The authenticated side of a connection. */
struct owner {
	struct conn *conn;
	struct mailbox *mailbox;
	uint8_t token[TOKEN_LEN];	/* the one handed out in Ready */
	uint64_t token_counter;
	uint64_t expired;	/* told in Expired, forgotten once confirmed */
	/* Pushed and not acknowledged, oldest first, a ring. */
	struct flight *flights;
	size_t first, n, cap;
	size_t bytes;			/* of these */
	uint64_t queued;		/* last sequence in the output */
	uint64_t sent;			/* last sequence given to the socket */
	/* How the device acknowledges: 0 never in time .. 16 always. */
	int quick;
	uint64_t probe, probe_at;	/* a push being timed; 0: none */
};

/* One envelope on its way to a device; bytes belong to the caller. */
struct delivery {
	uint64_t sequence;	/* 0: ephemeral */
	const uint8_t *id, *capability, *ephemeral_key;
	struct bytes sealed, payload;
};

void deliver_init(struct owner *o, struct conn *c, struct mailbox *mailbox);
void deliver_finish(struct owner *o);
/* Envelopes and bytes that may be pushed now; 0 envelopes when the window or
 * the connection's buffer is full. */
size_t deliver_room(const struct owner *o, size_t *bytes);
/* Queues a Deliver. */
void deliver_push(struct owner *o, const struct delivery *d);
/* Whether its slots should wait in memory for the device's ack. */
bool deliver_quick(const struct owner *o);
/* A slot's wait ended without an ack. */
void deliver_missed(struct owner *o);
/* The output reached the socket. */
void deliver_wrote(struct owner *o);
void deliver_on_ack(struct conn *c, const Sotto__ClientMessage *message);

#endif
