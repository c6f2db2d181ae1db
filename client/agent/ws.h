/* WebSocket client connections on the agent's loop: the only file of the agent
 * that knows libwebsockets. */
#ifndef SOTTO_WS_H
#define SOTTO_WS_H

#include <stdint.h>
#include <uv.h>

#include "buf.h"
#include "err.h"
#include "url.h"

struct ws;
struct ws_conn;

struct ws_events {
	void (*opened)(void *ctx);
	/* One whole binary message. */
	void (*message)(void *ctx, const uint8_t *data, size_t len);
	/* Anything came, also a pong. */
	void (*alive)(void *ctx);
	/* The connection can be written to: append one message to frame, or
	 * nothing. */
	void (*output)(void *ctx, struct buf *frame);
	/* The last call; the connection is gone. code is the peer's close code,
	 * or 0; why a phrase for people. */
	void (*closed)(void *ctx, int code, const char *why);
};

enum { WS_FRAME_MAX = 512 * 1024 };	/* what output may append */

/* ca_file: NULL, or a PEM file with certificates to accept beside the system's;
 * one that does not load is logged and left out. ERR_SYSTEM. */
int ws_create(uv_loop_t *loop, const char *ca_file, struct ws **out) must_check;
/* The same for connections that are made from now on. ERR_FORMAT, with all as it
 * was, when the file does not load. */
int ws_trust(struct ws *ws, const char *ca_file) must_check;
/* Whether the file would load. ERR_FORMAT. */
int ws_check_ca(const char *ca_file) must_check;
/* Drops all connections without a call. Runs the loop until its handles are
 * closed: not from a callback. Takes NULL. */
void ws_destroy(struct ws *ws);

/* Resolves the name off the loop, connects, with TLS 1.3 checks the name. Of the
 * name's addresses it takes the one of this number, going round. Never calls back
 * before it returned. */
struct ws_conn *ws_connect(struct ws *ws, const struct relay_url *url,
			   unsigned address,
			   const struct ws_events *events, void *ctx) must_check;
/* Asks for output to be called. */
void ws_want_write(struct ws_conn *c);
void ws_ping(struct ws_conn *c);
/* Closes with a code; no further calls. Takes NULL. */
void ws_close(struct ws_conn *c, int code);

#endif
