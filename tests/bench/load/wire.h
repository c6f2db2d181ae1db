/* Connections of the load generator: WebSocket (RFC 6455) or the baseline's bare
 * frames over one epoll. Everything put in one turn of the loop leaves as one
 * frame and one write. */
#ifndef SOTTO_BENCH_WIRE_H
#define SOTTO_BENCH_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include "buf.h"

enum wire_kind {
	WIRE_WEBSOCKET,
	WIRE_BARE,	/* frames: length (4 bytes, big-endian), content */
};

struct wire;

/* All may be called by wires_turn() alone. gone: the peer closed, with this code
 * or 0; the wire is closed when it is called. */
struct wire_events {
	void (*open)(struct wire *w);
	void (*frame)(struct wire *w, const uint8_t *data, size_t len);
	void (*gone)(struct wire *w, int code);
};

struct wire {
	enum wire_kind kind;
	enum { WIRE_CLOSED, WIRE_CONNECTING, WIRE_UPGRADING, WIRE_OPEN } state;
	int fd;
	bool dirty, blocked;
	struct wire *next_dirty;
	struct wires *wires;
	const struct wire_events *events;
	void *user;
	struct buf in;		/* an unfinished frame */
	struct buf put;		/* the next frame's content */
	struct buf out;		/* what the socket did not take yet */
};

struct wires {
	int epoll;
	struct wire *dirty;
	uint8_t *read_buffer;
	uint64_t bytes_in, bytes_out;
	int listener;		/* -1: none */
	void (*accepted)(void *ctx, int fd);
	void *accepted_ctx;
};

void wires_init(struct wires *ws);
/* Waits at most so long for events and serves them; then writes what was put. */
void wires_turn(struct wires *ws, uint64_t max_wait_ns);

/* Connects to 127.0.0.1. False when that fails at once. */
bool wire_connect(struct wire *w, struct wires *ws, enum wire_kind kind,
		  uint16_t port, const struct wire_events *events, void *user);
/* An accepted socket, bare. */
void wire_adopt(struct wire *w, struct wires *ws, int fd,
		const struct wire_events *events, void *user);
/* Drops the connection by a reset, so that no port stays in TIME_WAIT. */
void wire_drop(struct wire *w);

/* Adds to this turn's frame: for a WebSocket its content; bare, whole frames. */
void wire_put(struct wire *w, const void *data, size_t len);
/* The same, without a copy: len bytes to be filled in at once. */
uint8_t *wire_room(struct wire *w, size_t len);

uint64_t now_ns(void);

#endif
