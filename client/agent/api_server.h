/* The agent's socket: clients, their lines in and out, and what they subscribed
 * to. A client that does not read is paused, nobody else is. */
#ifndef SOTTO_API_SERVER_H
#define SOTTO_API_SERVER_H

#include <jansson.h>

#include "agent.h"
#include "api.h"

enum {
	API_CLIENTS_MAX = 256,
	API_FDS_MAX = 4,		/* descriptors of a client that wait */
	API_LATER_MAX = 64,		/* calls of a client that wait */
	API_OUT_HIGH = 512 * 1024,	/* then no more of its requests are read */
	API_OUT_MAX = 32 * 1024 * 1024,	/* one answer fits far below */
	API_WINDOW = 64,		/* events ahead of a cursor's ack */
	API_CURSOR_MAX = 64,		/* bytes of a cursor's name */
};

/* listener: a listening socket, which the server closes. */
int api_server_create(struct agent *a, int listener,
		      struct api_server **out) must_check;
/* Serves a connected, non-blocking socket, which is the server's from now on. */
void api_server_adopt(struct api_server *s, int fd);
/* Closes all. The loop must run once more. Takes NULL. */
void api_server_destroy(struct api_server *s);

/* New events are committed. Takes NULL. */
void api_server_events(struct api_server *s);
/* The state of messages or of the connection may have changed in this turn: calls
 * that wait for it are looked at after the commit. Takes NULL. */
void api_server_state_changed(struct api_server *s);
/* A notification to all who have subscribed. */
void api_server_broadcast(struct api_server *s, const char *method,
			  json_t *params);

/* ---- for the methods ---- */

/* Writes the call's answer after the turn's commit, or now when none is open,
 * and frees it. */
void api_finish(struct api_call *c);
/* Keeps a call until done says that it has set result or error (returns true) or
 * the time is over: then expired is called. Looked at once more at each change. */
void api_wait(struct api_call *c, uint64_t timeout_ms,
	      bool (*done)(struct api_call *c),
	      void (*expired)(struct api_call *c));

/* For a call at work in another thread: its client may go meanwhile. unkeep before
 * api_finish. */
void api_keep(struct api_call *c);
void api_unkeep(struct api_call *c);

/* The client's subscription; cursor NULL: none. ERR_EXISTS when another client
 * has the cursor. */
int api_subscribe(struct api_call *c, const char *cursor, int64_t pos,
		  int window) must_check;
void api_acked(struct api_server *s, const char *cursor, int64_t seq);

#endif
