/* The TUI's connection to its agent: opens it without blocking, starts the agent
 * when there is none, opens it anew when it breaks, and brings answers to who
 * asked. */
#ifndef SOTTO_TUI_AGENT_H
#define SOTTO_TUI_AGENT_H

#include <jansson.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "err.h"
#include "paths.h"

struct agent;

/* An answer: result, or error with its code and message. */
struct reply {
	const json_t *result;		/* NULL on an error */
	int code;			/* 0 when it went well */
	const char *message;		/* of the error */
	const char *tag;		/* what the caller gave; "" for none */
};

typedef void agent_done(void *ctx, const struct reply *reply);

struct agent_ops {
	void (*up)(void *ctx);			/* connected; nothing was asked yet */
	/* The connection broke (why is "") or could not be made. What was asked is
	 * forgotten. */
	void (*down)(void *ctx, const char *why);
	void (*notify)(void *ctx, const char *method, const json_t *params);
};

/* The paths, ops and ctx stay the caller's. */
struct agent *agent_create(const struct paths *paths, const struct agent_ops *ops,
			   void *ctx) must_check;
void agent_destroy(struct agent *a);	/* takes NULL */

bool agent_is_up(const struct agent *a);
/* Fills p for poll(2). */
void agent_poll(const struct agent *a, struct pollfd *p);
/* Reads, writes and calls back; never blocks. now: mono ms. */
void agent_turn(struct agent *a, int64_t now);
/* When agent_turn wants to be called even without I/O; -1: never. */
int64_t agent_deadline(const struct agent *a);

/* Asks; params is stolen (NULL for none), done may be NULL, tag is copied (at most
 * 79 bytes, NULL for none). Dropped without a word when the agent is down. */
void agent_ask(struct agent *a, const char *method, json_t *params,
	       agent_done *done, const char *tag);
/* The same with descriptors, which stay the caller's. */
void agent_ask_fds(struct agent *a, const char *method, json_t *params,
		   const int *fds, size_t n_fds, agent_done *done);

#endif
