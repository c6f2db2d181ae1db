#include "conn.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "buf.h"
#include "lines.h"
#include "sys.h"

enum { READ_BYTES = 64 * 1024, FDS_MAX = 2 };

struct conn {
	int fd;
	struct lines in;
	struct buf out;
	json_t *kept;	/* array: what came while conn_wait waited for another */
	int64_t last_id;
	bool gone;
};

int conn_open(const struct paths *p, bool start, struct conn **out,
	      char why[static START_WHY_MAX])
{
	struct conn *c;
	int fd, ret;

	ret = start_connect(p, start, &fd, why);
	if (ret)
		return ret;
	c = xcalloc(1, sizeof(*c));
	c->fd = fd;
	lines_init(&c->in);
	c->in.max = LINE_ANSWER_MAX;
	buf_init(&c->out, CONN_OUT_MAX);
	c->kept = json_array();
	*out = c;
	return OK;
}

void conn_close(struct conn *c)
{
	if (!c)
		return;
	close(c->fd);
	lines_finish(&c->in);
	buf_finish(&c->out);
	json_decref(c->kept);
	free(c);
}

int conn_fd(const struct conn *c)
{
	return c->fd;
}

bool conn_wants_write(const struct conn *c)
{
	return c->out.len > 0;
}

static bool would_block(void)
{
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR;
}

/* When the agent takes no more it has closed: what waits is dropped, and reading
 * finds what it still said and then the end. */
static void pump_out(struct conn *c)
{
	while (c->out.len) {
		ssize_t n = send(c->fd, c->out.data, c->out.len, MSG_NOSIGNAL);

		if (n < 0) {
			if (!would_block())
				buf_clear(&c->out);
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
}

/* One read a turn: the caller takes what came before there is more, so a
 * busy agent cannot make us hold much. */
static int pump_in(struct conn *c)
{
	uint8_t data[READ_BYTES];
	ssize_t n = recv(c->fd, data, sizeof(data), 0);

	if (n < 0)
		return would_block() ? OK : ERR_NETWORK;
	if (n == 0)
		return ERR_NETWORK;
	lines_feed(&c->in, data, (size_t)n);
	return OK;
}

int conn_pump(struct conn *c)
{
	if (c->gone)
		return ERR_NETWORK;
	pump_out(c);
	c->gone = pump_in(c) != OK;
	return c->gone ? ERR_NETWORK : OK;
}

/* The next object that came by the socket. A line that is none is not ours to
 * mend: it is passed over. */
static json_t *next_line(struct conn *c)
{
	json_t *o = NULL;
	int ret;

	do
		ret = lines_next(&c->in, &o);
	while (ret && ret != ERR_NOT_FOUND);
	return ret ? NULL : o;
}

json_t *conn_next(struct conn *c)
{
	json_t *o;

	if (!json_array_size(c->kept))
		return next_line(c);
	o = json_incref(json_array_get(c->kept, 0));
	json_array_remove(c->kept, 0);
	return o;
}

/* Appends the request's line to out. */
static int64_t make_line(struct conn *c, const char *method, json_t *params,
			 struct buf *out)
{
	int64_t id = c->last_id + 1;
	size_t before = out->len;
	json_t *o = json_pack("{s:s, s:I, s:s}", "jsonrpc", "2.0", "id",
			      (json_int_t)id, "method", method);
	int ret;

	if (!o)
		abort();	/* out of memory */
	if (params)
		json_object_set_new(o, "params", params);
	ret = lines_append(out, o) ? ERR_FULL : OK;
	json_decref(o);
	if (!ret && out->len - before > LINE_MAX_BYTES) {
		out->len = before;
		ret = ERR_TOO_BIG;
	}
	if (ret)
		return ret;
	c->last_id = id;
	return id;
}

int64_t conn_request(struct conn *c, const char *method, json_t *params)
{
	return make_line(c, method, params, &c->out);
}

static int64_t now_ms(void)
{
	return (int64_t)sys_mono_ms(&sys_real);
}

/* Waits for events on the socket until deadline (-1: none). */
static int wait_fd(const struct conn *c, short events, int64_t deadline)
{
	struct pollfd p = { .fd = c->fd, .events = events };
	int64_t left = -1;
	int n;

	if (deadline >= 0) {
		left = deadline - now_ms();
		if (left < 0)
			left = 0;
		else if (left > INT32_MAX)
			left = INT32_MAX;
	}
	n = poll(&p, 1, (int)left);
	if (n < 0 && errno != EINTR)
		return ERR_SYSTEM;
	if (deadline >= 0 && n <= 0 && now_ms() >= deadline)
		return ERR_TIMEOUT;
	return OK;
}

static int flush(struct conn *c)
{
	while (c->out.len) {
		int ret = wait_fd(c, POLLOUT, -1);

		if (ret)
			return ret;
		pump_out(c);
	}
	return OK;
}

/* The line's first bytes with the descriptors; the rest goes by c->out. */
static int send_with_fds(struct conn *c, const struct buf *line,
			 const int *fds, size_t n_fds)
{
	union {
		char space[CMSG_SPACE(FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control = {0};
	struct iovec part = { line->data, line->len };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n;

	if (n_fds) {
		struct cmsghdr *h;

		m.msg_control = control.space;
		m.msg_controllen = CMSG_SPACE(n_fds * sizeof(int));
		h = CMSG_FIRSTHDR(&m);
		h->cmsg_level = SOL_SOCKET;
		h->cmsg_type = SCM_RIGHTS;
		h->cmsg_len = CMSG_LEN(n_fds * sizeof(int));
		memcpy(CMSG_DATA(h), fds, n_fds * sizeof(int));
	}
	while ((n = sendmsg(c->fd, &m, MSG_NOSIGNAL)) < 0) {
		if (!would_block())
			return ERR_NETWORK;
		if (wait_fd(c, POLLOUT, -1))
			return ERR_SYSTEM;
	}
	return buf_append(&c->out, line->data + n, line->len - (size_t)n);
}

int conn_request_fds(struct conn *c, const char *method, json_t *params,
		     const int *fds, size_t n_fds, int64_t *id)
{
	struct buf line;
	int64_t made;
	int ret;

	assert(n_fds <= FDS_MAX);
	buf_init(&line, CONN_OUT_MAX);
	made = make_line(c, method, params, &line);
	ret = made < 0 ? (int)made : flush(c);
	if (!ret)
		ret = send_with_fds(c, &line, fds, n_fds);
	if (!ret)
		ret = flush(c);
	buf_finish(&line);
	if (!ret)
		*id = made;
	return ret;
}

static bool answers(const json_t *o, int64_t id)
{
	const json_t *given = json_object_get(o, "id");

	return json_is_integer(given) && json_integer_value(given) == id;
}

/* Takes the answer apart; steals o. */
static int take_answer(json_t *o, json_t **result, json_t **error)
{
	json_t *failed = json_object_get(o, "error");
	int ret = failed ? ERR_REFUSED : OK;

	if (failed && error)
		*error = json_incref(failed);
	if (!failed && result) {
		*result = json_incref(json_object_get(o, "result"));
		if (!*result)
			*result = json_null();
	}
	json_decref(o);
	return ret;
}

int conn_wait(struct conn *c, int64_t id, int timeout_ms, json_t **result,
	      json_t **error)
{
	int64_t deadline = timeout_ms < 0 ? -1 : now_ms() + timeout_ms;

	for (;;) {
		json_t *o;
		int ret;

		while ((o = next_line(c))) {
			if (answers(o, id))
				return take_answer(o, result, error);
			json_array_append_new(c->kept, o);
		}
		if (c->gone)
			return ERR_NETWORK;
		ret = wait_fd(c, c->out.len ? POLLIN | POLLOUT : POLLIN,
			      deadline);
		if (ret)
			return ret;
		if (conn_pump(c))
			continue;	/* what came before it went counts */
	}
}

int conn_call(struct conn *c, const char *method, json_t *params, int timeout_ms,
	      json_t **result, json_t **error)
{
	int64_t id = conn_request(c, method, params);

	if (id < 0)
		return (int)id;
	pump_out(c);	/* saves a poll: it nearly always goes at once */
	return conn_wait(c, id, timeout_ms, result, error);
}
