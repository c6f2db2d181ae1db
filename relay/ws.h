/* WebSocket connections: the only file of the relay that knows libwebsockets. */
#ifndef SOTTO_WS_H
#define SOTTO_WS_H

#include <stddef.h>
#include <uv.h>

#include "err.h"

struct core;
struct ws;

struct ws_settings {
	const char *tls_cert, *tls_key;	/* PEM files; NULL: plain */
	size_t connections_max;
	size_t partial_max;	/* bytes of frames that are not complete */
};

/* ERR_SYSTEM, ERR_KEY for a certificate or key that does not load; logged. */
int ws_create(uv_loop_t *loop, struct core *core,
	      const struct ws_settings *settings, struct ws **out) must_check;
/* Takes connections_max and the certificate anew; sockets that are open stay
 * as they are. ERR_KEY: the old certificate stays; logged. */
int ws_reload(struct ws *ws, const struct ws_settings *settings) must_check;
/* Takes an accepted socket. */
void ws_adopt(struct ws *ws, int fd);
/* Drops every connection and runs the loop until all is freed. Takes NULL. */
void ws_destroy(struct ws *ws);

#endif
