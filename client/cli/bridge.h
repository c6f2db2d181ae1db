/* The bot's bridge between a client's lines and the agent's, that outlives agents:
 * a state machine without I/O. Lines pass as they came; the bridge remembers the
 * requests under way and the subscriptions, and tells a new agent. */
#ifndef SOTTO_BRIDGE_H
#define SOTTO_BRIDGE_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "buf.h"
#include "lines.h"
#include "requests.h"

enum {
	BRIDGE_REQUESTS_MAX = 512,		/* under way */
	BRIDGE_REQUESTS_BYTES = 512 * 1024,	/* and one line */
	BRIDGE_OUT_BYTES = 128 * 1024,		/* and one read, to either side */
	BRIDGE_SUBSCRIPTIONS_MAX = 16,
};

struct bridge_subscription;

struct bridge {
	struct lines client;	/* what came from either side */
	struct lines agent;
	struct buf to_client;	/* what waits to be written; see bridge_sent */
	struct buf to_agent;
	bool terminal;		/* the client's output is one: ASCII alone */
	bool up;		/* an agent is connected */
	bool client_ended;
	bool stopped;		/* the client had the agent stopped */
	uint64_t written;	/* bytes of to_agent that this agent was sent */
	uint64_t queued;	/* and those with what waits */
	struct requests requests;
	struct bridge_subscription *subscriptions;
	size_t n_subscriptions;
	char *hello;		/* the client's last hello line; NULL */
	uint64_t own_id;
	int64_t seen;		/* seq of the last event that the client got */
};

void bridge_init(struct bridge *b);
void bridge_finish(struct bridge *b);

/* What was read from either side; read it only while bridge_wants_* says so. */
void bridge_from_client(struct bridge *b, const uint8_t *data, size_t len);
void bridge_from_agent(struct bridge *b, const uint8_t *data, size_t len);
bool bridge_wants_client(const struct bridge *b);
bool bridge_wants_agent(const struct bridge *b);
/* The client's input ended; a last line without newline counts. */
void bridge_client_end(struct bridge *b);

/* n bytes of to_client or to_agent were written: takes them off, and takes up
 * lines that had waited for room. */
void bridge_sent_client(struct bridge *b, size_t n);
void bridge_sent_agent(struct bridge *b, size_t n);

/* Whether an agent is needed now: false while the client itself has stopped it
 * and asks nothing. */
bool bridge_wants_up(const struct bridge *b);
/* A new agent is connected: tells it hello and the subscriptions, and repeats
 * what may be repeated. */
void bridge_up(struct bridge *b);
/* The agent is gone. What may have been executed and must not be twice is
 * answered with error 3, retry true. */
void bridge_down(struct bridge *b);
/* Whether a subscription was refused by the new agent (it may be locked): call
 * bridge_retry in a while. */
bool bridge_wants_retry(const struct bridge *b);
void bridge_retry(struct bridge *b);
/* Whether all is answered and written after the client's end. */
bool bridge_done(const struct bridge *b);

#endif
