#include "agent.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <unistd.h>

#include "buf.h"
#include "conn.h"

enum { TAG_MAX = 80, RETRY_MIN_MS = 250, RETRY_MAX_MS = 4000 };

struct asked {
	int64_t id;
	agent_done *done;
	char tag[TAG_MAX];
};

/* conn_open may take seconds: a thread does it and hands this over a pipe. */
struct opened {
	const struct paths *paths;
	int write_fd;
	int err;
	struct conn *conn;
	char why[START_WHY_MAX];
};

struct agent {
	const struct paths *paths;
	const struct agent_ops *ops;
	void *ctx;
	struct conn *conn;	/* NULL while down */
	int open_fd;		/* where the thread's result comes; -1 */
	int64_t retry_at;	/* when to open next; -1: not waiting */
	int retry_ms;
	struct asked *asked;
	size_t n, cap;
};

static void *open_thread(void *arg)
{
	struct opened *o = arg;
	ssize_t n;

	o->err = conn_open(o->paths, true, &o->conn, o->why);
	do
		n = write(o->write_fd, &o, sizeof(o));
	while (n < 0 && errno == EINTR);
	if (n != sizeof(o)) {	/* nobody listens any more */
		if (o->err == OK)
			conn_close(o->conn);
		close(o->write_fd);
		free(o);
	}
	return NULL;
}

static void wait_retry(struct agent *a, int64_t now)
{
	a->retry_at = now + a->retry_ms;
	a->retry_ms *= 2;
	if (a->retry_ms > RETRY_MAX_MS)
		a->retry_ms = RETRY_MAX_MS;
}

static void start_open(struct agent *a, int64_t now)
{
	struct opened *o;
	pthread_t thread;
	int fds[2];

	a->retry_at = -1;
	if (pipe2(fds, O_CLOEXEC) < 0) {
		wait_retry(a, now);
		return;
	}
	o = xcalloc(1, sizeof(*o));
	o->paths = a->paths;
	o->write_fd = fds[1];
	if (pthread_create(&thread, NULL, open_thread, o) != 0) {
		close(fds[0]);
		close(fds[1]);
		free(o);
		wait_retry(a, now);
		return;
	}
	pthread_detach(thread);
	a->open_fd = fds[0];
}

struct agent *agent_create(const struct paths *paths, const struct agent_ops *ops,
			   void *ctx)
{
	struct agent *a = xcalloc(1, sizeof(*a));

	a->paths = paths;
	a->ops = ops;
	a->ctx = ctx;
	a->open_fd = -1;
	a->retry_ms = RETRY_MIN_MS;
	a->retry_at = 0;
	return a;
}

void agent_destroy(struct agent *a)
{
	if (a == NULL)
		return;
	conn_close(a->conn);
	if (a->open_fd >= 0)
		close(a->open_fd);
	free(a->asked);
	free(a);
}

bool agent_is_up(const struct agent *a)
{
	return a->conn != NULL;
}

void agent_poll(const struct agent *a, struct pollfd *p)
{
	*p = (struct pollfd){ .fd = a->open_fd, .events = POLLIN };
	if (a->conn != NULL) {
		p->fd = conn_fd(a->conn);
		if (conn_wants_write(a->conn))
			p->events |= POLLOUT;
	}
}

int64_t agent_deadline(const struct agent *a)
{
	return a->conn == NULL && a->open_fd < 0 ? a->retry_at : -1;
}

static void take_opened(struct agent *a, int64_t now)
{
	struct pollfd p = { .fd = a->open_fd, .events = POLLIN };
	struct opened *o;

	if (poll(&p, 1, 0) <= 0)
		return;
	if (read(a->open_fd, &o, sizeof(o)) != sizeof(o))
		return;
	close(a->open_fd);
	a->open_fd = -1;
	close(o->write_fd);
	if (o->err == OK) {
		a->conn = o->conn;
		a->ops->up(a->ctx);
	} else {
		wait_retry(a, now);
		a->ops->down(a->ctx, o->why[0] ? o->why : err_text(o->err));
	}
	free(o);
}

static void drop(struct agent *a, int64_t now)
{
	conn_close(a->conn);
	a->conn = NULL;
	a->n = 0;
	wait_retry(a, now);
	a->ops->down(a->ctx, "");
}

static void answer(struct agent *a, int64_t id, const json_t *o)
{
	const json_t *error = json_object_get(o, "error");
	const char *message = json_string_value(json_object_get(error, "message"));
	struct reply r = { .result = error ? NULL : json_object_get(o, "result") };
	struct asked asked;

	for (size_t i = 0; i < a->n; i++) {
		if (a->asked[i].id != id)
			continue;
		asked = a->asked[i];
		memmove(a->asked + i, a->asked + i + 1,
			(a->n - i - 1) * sizeof(*a->asked));
		a->n--;
		if (asked.done == NULL)
			return;
		r.tag = asked.tag;
		if (error) {
			r.code = (int)json_integer_value(json_object_get(error, "code"));
			if (r.code == 0)
				r.code = 2;
			r.message = message ? message : "the agent refused";
		}
		asked.done(a->ctx, &r);
		return;
	}
}

static void take_object(struct agent *a, const json_t *o)
{
	const json_t *id = json_object_get(o, "id");
	const char *method = json_string_value(json_object_get(o, "method"));

	if (method)
		a->ops->notify(a->ctx, method, json_object_get(o, "params"));
	else if (json_is_integer(id))
		answer(a, json_integer_value(id), o);
}

void agent_turn(struct agent *a, int64_t now)
{
	json_t *o;
	int err;

	if (a->conn == NULL && a->open_fd >= 0)
		take_opened(a, now);
	if (a->conn == NULL && a->open_fd < 0 && a->retry_at >= 0 && now >= a->retry_at)
		start_open(a, now);
	if (a->conn == NULL)
		return;
	err = conn_pump(a->conn);
	/* what came before the end still counts */
	while (a->conn && (o = conn_next(a->conn)) != NULL) {
		a->retry_ms = RETRY_MIN_MS;
		take_object(a, o);
		json_decref(o);
	}
	if (err == OK && a->conn && conn_wants_write(a->conn))
		err = conn_pump(a->conn);
	if (err != OK)
		drop(a, now);
}

static void remember(struct agent *a, int64_t id, agent_done *done, const char *tag)
{
	if (a->n == a->cap) {
		a->cap = a->cap ? a->cap * 2 : 16;
		a->asked = xrealloc(a->asked, a->cap * sizeof(*a->asked));
	}
	a->asked[a->n].id = id;
	a->asked[a->n].done = done;
	snprintf(a->asked[a->n].tag, TAG_MAX, "%s", tag ? tag : "");
	a->n++;
}

void agent_ask(struct agent *a, const char *method, json_t *params,
	       agent_done *done, const char *tag)
{
	const struct reply full = {
		.code = 2, .message = "the agent does not keep up; try again",
		.tag = tag ? tag : "",
	};
	int64_t id;

	if (a->conn == NULL) {
		json_decref(params);
		return;
	}
	id = conn_request(a->conn, method, params);
	if (id >= 0)
		remember(a, id, done, tag);
	else if (done)
		done(a->ctx, &full);
}

void agent_ask_fds(struct agent *a, const char *method, json_t *params,
		   const int *fds, size_t n_fds, agent_done *done)
{
	int64_t id;

	if (a->conn == NULL) {
		json_decref(params);
		return;
	}
	/* a broken connection shows at the next pump */
	if (conn_request_fds(a->conn, method, params, fds, n_fds, &id) == OK)
		remember(a, id, done, NULL);
}
