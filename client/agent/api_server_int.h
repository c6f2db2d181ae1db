/* What the files of api_server share. */
#ifndef SOTTO_API_SERVER_INT_H
#define SOTTO_API_SERVER_INT_H

#include "api_server.h"
#include "lines.h"

struct api_client {
	struct api_client *next;
	struct api_server *server;
	uv_poll_t poll;
	int fd;
	int watching;		/* uv_poll's events */
	struct lines lines;
	struct buf out;
	int fds[API_FDS_MAX];
	size_t n_fds;
	unsigned later;		/* calls that wait */
	unsigned calls;		/* not answered yet */
	bool eof;		/* it will ask nothing more */
	bool closing;
	/* what it subscribed to */
	bool subscribed;
	bool starting;		/* its answer has to go out first */
	char cursor[API_CURSOR_MAX + 1];
	int64_t pos;		/* last event that was sent */
	int64_t acked;
	int window;
};

struct api_server {
	struct agent *a;
	uv_poll_t listen;
	int fd;
	uv_timer_t timer;
	unsigned handles;
	struct api_client *clients;
	unsigned n_clients;
	struct api_call *waiting;
	struct api_call *looked_at;	/* of waiting, in check_waiting */
	struct api_call *kept;		/* at work in another thread */
	struct api_call *finished;	/* to be answered after the commit */
	struct api_call **finished_end;
	bool running;		/* in client_run, which flushes in the end */
};

/* api_client.c */
/* Ends the connection; the calls that it waits for go on without it. */
void api_client_close(struct api_client *c);
/* Writes what goes now; may close c. */
void api_client_flush(struct api_client *c);
/* Queues one object as a line; may close c. */
void api_client_line(struct api_client *c, const json_t *o);

/* api_feed.c: sends the events that are due, as far as the window and the socket
 * allow; may close c. */
void api_client_events(struct api_client *c);

/* api_calls.c: the server's timer. Looks at the calls that wait, then writes what
 * is due to all clients. */
void api_calls_check(uv_timer_t *timer);

#endif
