/* A connection to a relay that is kept up: opening, waiting after failures,
 * watching for silence, its state for people. */
#ifndef SOTTO_RELAY_CONN_H
#define SOTTO_RELAY_CONN_H

#include <stdbool.h>
#include <uv.h>

#include "relay_link.h"
#include "sys.h"
#include "url.h"
#include "ws.h"

struct relay_conn;

enum relay_conn_state {
	CONN_OFFLINE,		/* not wanted, or given up: error tells */
	CONN_CONNECTING,
	CONN_ONLINE,
	CONN_WAITING,		/* until retry_at */
};

struct relay_conn_status {
	enum relay_conn_state state;
	uint64_t retry_at;	/* ms UTC, in CONN_WAITING */
	const char *error;	/* NULL, or a phrase, until the next change */
};

struct relay_conn_ops {
	struct relay_link_ops link;
	/* The connection is up (after link.ready) or gone: nothing that was
	 * unanswered will be. */
	void (*lost)(void *ctx);
	/* status changed. */
	void (*changed)(void *ctx);
};

enum {
	RELAY_CONN_BACKOFF_MAX = 60,	/* seconds */
	RELAY_CONN_OPEN_MS = 60 * 1000,	/* until the WebSocket is open, and */
	RELAY_CONN_READY_MS = 15 * 1000,	/* then until it can be used */
	RELAY_CONN_IDLE_MS = 120 * 1000,	/* a sender connection is closed */
	RELAY_CONN_SILENCE_MS = 60 * 1000,	/* the owner's: ping */
	RELAY_CONN_PONG_MS = 15 * 1000,
};

/* Seconds before try number n (from 0): 1, 2, 4 ... 60, in ms, plus or minus a
 * quarter at random. */
uint64_t backoff_ms(const struct sys *sys, unsigned n);

struct relay_conn *relay_conn_create(uv_loop_t *loop, const struct sys *sys,
				     struct ws *ws,
				     const struct relay_url *url, bool owner,
				     const struct relay_conn_ops *ops,
				     void *ctx) must_check;
/* Takes NULL. Memory goes when the loop has closed the timer. */
void relay_conn_destroy(struct relay_conn *c);
/* Opens unless it is open, opening or waiting. */
void relay_conn_open(struct relay_conn *c);
/* Tries again now when it waits. */
void relay_conn_retry(struct relay_conn *c);
/* Drops the connection because of why; tried again after the backoff, or, with
 * give_up, not before relay_conn_open. May be called from the link's ops. */
void relay_conn_fail(struct relay_conn *c, int close_code, const char *why,
		     bool give_up);
/* Closes without failure: opened again by relay_conn_open. */
void relay_conn_close(struct relay_conn *c);
/* NULL unless online. */
struct relay_link *relay_conn_link(struct relay_conn *c);
/* Queues on the link, also before it is ready (Auth). ERR_FULL, ERR_NETWORK. */
int relay_conn_send(struct relay_conn *c,
		    const Sotto__ClientMessage *m) must_check;
struct relay_conn_status relay_conn_status(const struct relay_conn *c);
const struct relay_url *relay_conn_url(const struct relay_conn *c);
/* The relay goes away: come back after ms. */
void relay_conn_retry_after(struct relay_conn *c, uint32_t ms);

#endif
