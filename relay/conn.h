/* One client connection as a state machine without I/O: whole WebSocket
 * messages in, one buffer of encoded ServerMessages and a close code out. */
#ifndef SOTTO_CONN_H
#define SOTTO_CONN_H

#include <stdbool.h>

#include "buf.h"
#include "core.h"
#include "deliver.h"
#include "frame.h"
#include "relay.pb-c.h"
#include "wheel.h"

struct send;

/* What the transport does for a connection; called from inside any function
 * here, and must not call back at once. */
struct conn_io {
	/* conn_output has something, or conn_close_code is set. */
	void (*wake)(void *ctx);
	/* Stop reading from the socket, or go on. */
	void (*pause)(void *ctx, bool on);
	/* Send a WebSocket ping. */
	void (*ping)(void *ctx);
};

enum conn_state {
	CONN_NEW,		/* waits for Hello */
	CONN_CHALLENGED,	/* owner: waits for Auth */
	CONN_AUTHENTICATING,	/* owner: the store is asked */
	CONN_OPEN,
	CONN_CLOSING,		/* input is ignored */
};

enum {
	HANDSHAKE_FRAME_MAX = 64 * 1024,	/* of a frame before CONN_OPEN */
	HANDSHAKE_MS = 10 * 1000,
	PING_AFTER_MS = 60 * 1000,		/* silence of an owner */
	DEAD_AFTER_MS = 150 * 1000,
	OUTPUT_SHARE = 64 * 1024,	/* that may wait for anybody */
	SENDER_IDLE_MS = 15 * 60 * 1000,
};

struct conn {
	struct core *core;
	const struct conn_io *io;
	void *io_ctx;
	struct conn *next, **prev;	/* core->conns */
	unsigned refs;			/* the transport and jobs under way */
	bool gone;			/* the transport has let go */
	bool paused;
	enum conn_state state;
	Sotto__Role role;
	int close_code;
	uint8_t nonce[NONCE_LEN];
	struct buf out;
	unsigned unanswered;	/* requests whose answer is not yet written */
	unsigned answers;	/* of these: answers in out */
	struct timer timer;	/* handshake, then silence */
	uint64_t heard;		/* when the peer was last heard */
	struct send *sends;	/* that will be answered here */
	const struct mailbox_id *claim;	/* whom it says to be, while that is
					 * being checked */
	struct owner *owner;	/* once authenticated */
};

/* ---- for the transport ---- */

struct conn *conn_create(struct core *core, const struct conn_io *io,
			 void *ctx);
/* The transport is gone: io is not called again. */
void conn_gone(struct conn *c);
/* Bytes that one message of this connection may have now. */
size_t conn_frame_max(const struct conn *c);
/* A whole binary message. */
void conn_receive(struct conn *c, const uint8_t *data, size_t len);
/* A ping, pong or part of a message came. */
void conn_heard(struct conn *c);
/* One ServerFrame of all that is ready; may be empty. Hand it to the socket,
 * then call conn_wrote, before anything else of this connection. */
struct bytes conn_output(const struct conn *c);
void conn_wrote(struct conn *c);
/* 0, or with what to close once conn_output is empty. */
int conn_close_code(const struct conn *c);
/* Ends a connection; later calls and input change nothing. */
void conn_close(struct conn *c, int code);

/* ---- for the parts of the relay that answer ---- */

/* The handshake is over: from now on silence is what ends it. */
void conn_watch(struct conn *c);
struct conn *conn_ref(struct conn *c);
void conn_unref(struct conn *c);
void conn_pause(struct conn *c, bool on);
/* Queues a message that answers no request. */
void conn_put(struct conn *c, Sotto__ServerMessage__OfCase kind,
	      const ProtobufCMessage *message);
/* A request of the client's begins; false when it has too many unanswered and
 * is being closed for it. Each is ended by one conn_answer*. */
bool conn_begin(struct conn *c);
void conn_answer(struct conn *c, Sotto__ServerMessage__OfCase kind,
		 const ProtobufCMessage *message);
void conn_answer_encoded(struct conn *c, Sotto__ServerMessage__OfCase kind,
			 struct bytes encoded);
/* id: ENVELOPE_ID_LEN bytes or NULL. */
void conn_answer_error(struct conn *c, Sotto__ErrorCode code,
		       uint32_t request, const uint8_t *id, const char *text);
/* Queues the Error and closes with the code that belongs to it. */
void conn_fail(struct conn *c, Sotto__ErrorCode code, const char *text);

#endif
