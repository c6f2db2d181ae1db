/* A front-end's connection to its agent: starts the agent when there is none,
 * sends requests, hands out answers and notifications. Blocking calls for
 * one-shots; fd and pump for loops. */
#ifndef SOTTO_CONN_H
#define SOTTO_CONN_H

#include <jansson.h>
#include <stdbool.h>

#include "err.h"
#include "paths.h"
#include "start.h"

enum { CONN_OUT_MAX = 4 * 1024 * 1024 };	/* requests that wait to be written */

struct conn;

/* Connects, and starts the agent, as start_connect. */
int conn_open(const struct paths *p, bool start, struct conn **out,
	      char why[static START_WHY_MAX]) must_check;
void conn_close(struct conn *c);	/* takes NULL */

int conn_fd(const struct conn *c);
/* Whether bytes wait for POLLOUT. */
bool conn_wants_write(const struct conn *c);
/* Reads and writes what goes without blocking; take what came by conn_next until
 * NULL before the next one. ERR_NETWORK when the agent is gone (what it sent
 * before is still there for conn_next). */
int conn_pump(struct conn *c) must_check;
/* The next whole object that came (new reference), or NULL. */
json_t *conn_next(struct conn *c) must_check;

/* Queues a request; params is stolen, NULL for none. Returns its id, positive;
 * ERR_FULL when CONN_OUT_MAX bytes wait, ERR_TOO_BIG for a longer line than
 * the agent takes. */
int64_t conn_request(struct conn *c, const char *method, json_t *params);
/* The same with descriptors that go with the line (SCM_RIGHTS, at most 2; the
 * caller keeps its own copies). Blocks until sent. */
int conn_request_fds(struct conn *c, const char *method, json_t *params,
		     const int *fds, size_t n_fds, int64_t *id) must_check;

/* Request and wait for its answer, at most timeout_ms (-1: for ever). Notifications
 * that come meanwhile are kept for conn_next. result: new reference. On an error
 * answer, returns ERR_REFUSED and *error holds it {code, message}.
 * ERR_TIMEOUT, ERR_NETWORK, ERR_FULL, ERR_TOO_BIG. */
int conn_call(struct conn *c, const char *method, json_t *params, int timeout_ms,
	      json_t **result, json_t **error) must_check;
/* Waits for the answer to a request that was queued before; as conn_call. */
int conn_wait(struct conn *c, int64_t id, int timeout_ms, json_t **result,
	      json_t **error) must_check;

#endif
