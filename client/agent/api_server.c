#include "api_server.h"

#include <assert.h>
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "events.h"
#include "lines.h"
#include "log.h"

enum {
	READ_MAX = 64 * 1024,
	EVENTS_AT_ONCE = 64,
	CURSOR_MAX = 64,
};

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
	char cursor[CURSOR_MAX + 1];
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

static void client_run(struct api_client *c);
static void on_timer(uv_timer_t *timer);

/* ---- clients ---- */

static void on_client_closed(uv_handle_t *handle)
{
	struct api_client *c = handle->data;

	close(c->fd);
	for (size_t i = 0; i < c->n_fds; i++)
		close(c->fds[i]);
	lines_finish(&c->lines);
	buf_finish(&c->out);
	free(c);
}

static void forget_calls(struct api_call *list, const struct api_client *c)
{
	for (; list; list = list->next)
		if (list->client == c)
			list->client = NULL;
}

static void client_close(struct api_client *c)
{
	struct api_server *s = c->server;
	struct api_client **p = &s->clients;

	if (c->closing)
		return;
	c->closing = true;
	while (*p != c)
		p = &(*p)->next;
	*p = c->next;
	s->n_clients--;
	forget_calls(s->waiting, c);
	forget_calls(s->looked_at, c);
	forget_calls(s->finished, c);
	forget_calls(s->kept, c);
	if (c->subscribed)
		api_server_state_changed(s);	/* its cursor is free */
	uv_poll_stop(&c->poll);
	uv_close((uv_handle_t *)&c->poll, on_client_closed);
}

static void on_client(uv_poll_t *poll, int status, int events);

static void client_watch(struct api_client *c)
{
	int want = (c->out.len < API_OUT_HIGH && !c->eof ? UV_READABLE : 0) |
		(c->out.len ? UV_WRITABLE : 0);

	if (c->closing || want == c->watching)
		return;
	c->watching = want;
	if (want)
		uv_poll_start(&c->poll, want, on_client);
	else
		uv_poll_stop(&c->poll);
}

/* Writes what goes now. */
static void client_flush(struct api_client *c)
{
	while (c->out.len && !c->closing) {
		ssize_t n = send(c->fd, c->out.data, c->out.len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			client_close(c);
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (!c->out.len)
		buf_finish(&c->out);
	if (c->eof && !c->out.len && !c->calls && !lines_ready(&c->lines))
		client_close(c);
	client_watch(c);
}

static void client_line(struct api_client *c, const json_t *o)
{
	if (c->closing || !lines_append(&c->out, o))
		return;
	log_error("an answer was too long");
	client_close(c);
}

/* ---- events ---- */

/* The stored object with seq put in front. */
static int on_event(void *ctx, int64_t seq, const char *type, const char *json)
{
	struct api_client *c = ctx;

	(void)type;
	if (buf_appendf(&c->out, "{\"jsonrpc\":\"2.0\",\"method\":\"event\","
			"\"params\":{\"seq\":%lld,", (long long)seq) ||
	    buf_append(&c->out, json + 1, strlen(json + 1)) ||
	    buf_append(&c->out, "}\n", 2)) {
		log_error("an event was too long");
		return ERR_TOO_BIG;
	}
	c->pos = seq;
	return 0;
}

static int room(const struct api_client *c)
{
	int64_t left = EVENTS_AT_ONCE;

	if (c->cursor[0] && left > c->window - (c->pos - c->acked))
		left = c->window - (c->pos - c->acked);
	return left > 0 ? (int)left : 0;
}

static void after_turn(void *ctx, int err)
{
	(void)err;	/* what is committed is due either way */
	api_server_events(ctx);
}

static void client_events(struct api_client *c)
{
	struct agent *a = c->server->a;

	if (!c->subscribed || c->starting || a->state != AGENT_READY)
		return;
	if (turn_is_open(a->turn)) {
		/* Another hook of the turn that ended may have opened it, and
		 * it need not bring an event of its own. */
		turn_after(a->turn, after_turn, c->server);
		return;
	}
	while (c->out.len < API_OUT_HIGH && room(c) && !c->closing) {
		int64_t before = c->pos;
		int ret = events_read(a->db, c->pos, room(c), on_event, c);

		if (ret == ERR_TOO_BIG) {
			client_close(c);
			return;
		}
		if (ret)
			log_error("events cannot be read: %s", err_text(ret));
		if (ret || c->pos == before)
			break;
	}
	client_flush(c);
}

void api_server_events(struct api_server *s)
{
	struct api_client *next;

	if (!s)
		return;
	for (struct api_client *c = s->clients; c; c = next) {
		next = c->next;
		client_events(c);
	}
}

int api_subscribe(struct api_call *call, const char *cursor, int64_t pos,
		  int window)
{
	struct api_client *c = call->client;

	for (struct api_client *o = call->server->clients; o; o = o->next)
		if (cursor && o != c && o->subscribed &&
		    !strcmp(o->cursor, cursor))
			return ERR_EXISTS;
	assert(!cursor || strlen(cursor) <= CURSOR_MAX);
	c->subscribed = c->starting = true;
	snprintf(c->cursor, sizeof(c->cursor), "%s", cursor ? cursor : "");
	c->pos = c->acked = pos;
	c->window = window;
	return OK;
}

void api_acked(struct api_server *s, const char *cursor, int64_t seq)
{
	for (struct api_client *c = s->clients; c; c = c->next)
		if (c->subscribed && !strcmp(c->cursor, cursor) &&
		    seq > c->acked)
			c->acked = seq;
}

void api_server_broadcast(struct api_server *s, const char *method,
			  json_t *params)
{
	json_t *o = json_pack("{s:s, s:s, s:O}", "jsonrpc", "2.0",
			      "method", method, "params", params);
	struct api_client *next;

	for (struct api_client *c = s->clients; c; c = next) {
		next = c->next;
		/* It passes: who does not read misses it. */
		if (!c->subscribed || c->out.len >= API_OUT_HIGH)
			continue;
		client_line(c, o);
		client_flush(c);
	}
	json_decref(o);
}

/* ---- calls ---- */

static void write_answer(struct api_call *call)
{
	struct api_client *c = call->client;
	json_t *o = c ? api_answer(call) : NULL;

	if (o) {
		client_line(c, o);
		json_decref(o);
	}
	if (c) {
		c->starting = false;
		c->calls--;
	}
	api_call_free(call);
}

static void after_commit(void *ctx, int err)
{
	struct api_server *s = ctx;
	struct api_client *next;

	while (s->finished) {
		struct api_call *call = s->finished;

		s->finished = call->next;
		if (err && !call->error)
			api_fail_err(call, err);
		write_answer(call);
	}
	s->finished_end = &s->finished;
	for (struct api_client *c = s->clients; c; c = next) {
		next = c->next;
		client_flush(c);
		if (!c->closing)
			client_events(c);
	}
}

void api_finish(struct api_call *call)
{
	struct api_server *s = call->server;
	struct agent *a = s->a;

	if (a->turn && turn_is_open(a->turn)) {
		/* Even what only reads may have read what is not committed. */
		call->next = NULL;
		*s->finished_end = call;
		s->finished_end = &call->next;
		turn_after(a->turn, after_commit, s);
		return;
	}
	write_answer(call);
	if (!s->running)
		uv_timer_start(&s->timer, on_timer, 0, 0);
}

void api_keep(struct api_call *call)
{
	call->next = call->server->kept;
	call->server->kept = call;
}

void api_unkeep(struct api_call *call)
{
	struct api_call **p = &call->server->kept;

	while (*p != call)
		p = &(*p)->next;
	*p = call->next;
	call->next = NULL;
}

/* ---- waiting ---- */

static void arm(struct api_server *s, uint64_t now)
{
	uint64_t next = UINT64_MAX;

	for (const struct api_call *w = s->waiting; w; w = w->next)
		if (w->deadline < next)
			next = w->deadline;
	if (next != UINT64_MAX)
		uv_timer_start(&s->timer, on_timer,
			       next > now ? next - now : 0, 0);
}

/* Looks at the calls that wait. An answer may close a client, so they stay where
 * client_close finds them. */
static void check_waiting(struct api_server *s)
{
	uint64_t now = sys_mono_ms(s->a->sys);

	s->looked_at = s->waiting;
	s->waiting = NULL;
	while (s->looked_at) {
		struct api_call *w = s->looked_at;
		bool over = !w->client || s->a->state != AGENT_READY ||
			w->done(w);

		s->looked_at = w->next;
		if (!over && w->deadline <= now) {
			w->expired(w);
			over = true;
		}
		if (!over) {
			w->next = s->waiting;
			s->waiting = w;
			continue;
		}
		if (w->client)
			w->client->later--;
		if (!w->error && !w->result)
			api_fail(w, API_LOCKED, "the account was locked");
		api_finish(w);
	}
	arm(s, now);
}

static void on_timer(uv_timer_t *timer)
{
	struct api_server *s = timer->data;
	struct api_client *next;

	check_waiting(s);
	for (struct api_client *c = s->clients; c; c = next) {
		next = c->next;
		client_events(c);
		if (!c->closing)
			client_flush(c);
	}
}

static void after_change(void *ctx, int err)
{
	struct api_server *s = ctx;

	/* Not within somebody else's walk: at the loop's next turn. */
	if (!err && s->waiting)
		uv_timer_start(&s->timer, on_timer, 0, 0);
}

void api_server_state_changed(struct api_server *s)
{
	if (s && s->a->turn)
		turn_after(s->a->turn, after_change, s);
	else if (s)
		after_change(s, OK);
}

void api_wait(struct api_call *c, uint64_t timeout_ms,
	      bool (*done)(struct api_call *c),
	      void (*expired)(struct api_call *c))
{
	struct api_server *s = c->server;

	c->done = done;
	c->expired = expired;
	c->deadline = sys_mono_ms(s->a->sys) + timeout_ms;
	c->next = s->waiting;
	s->waiting = c;
	if (++c->client->later > API_LATER_MAX) {
		c->deadline = 0;
		c->client->later--;
		s->waiting = c->next;
		c->next = NULL;
		api_fail(c, API_REFUSED, "too many calls wait at once");
		api_finish(c);
		return;
	}
	uv_timer_start(&s->timer, on_timer, 0, 0);
}

/* ---- input ---- */

/* Runs the lines that have come, as long as the answers are read. */
static void client_run(struct api_client *c)
{
	struct api_server *s = c->server;

	s->running = true;
	while (!c->closing && c->out.len < API_OUT_HIGH) {
		json_t *request = NULL;
		int ret = lines_next(&c->lines, &request);

		if (ret == ERR_NOT_FOUND)
			break;
		if (ret) {
			json_t *o = api_line_error(ret);

			client_line(c, o);
			json_decref(o);
			continue;
		}
		c->calls++;
		api_dispatch(s->a, s, c, request, c->fds, &c->n_fds);
		json_decref(request);
	}
	s->running = false;
	if (!c->closing)
		client_events(c);
	if (!c->closing)
		client_flush(c);
}

static void keep_fds(struct api_client *c, struct msghdr *msg)
{
	struct cmsghdr *h;

	for (h = CMSG_FIRSTHDR(msg); h; h = CMSG_NXTHDR(msg, h)) {
		size_t n;
		int fd;

		if (h->cmsg_level != SOL_SOCKET || h->cmsg_type != SCM_RIGHTS)
			continue;
		n = (h->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < n; i++) {
			memcpy(&fd, CMSG_DATA(h) + i * sizeof(int),
			       sizeof(int));
			if (c->n_fds < API_FDS_MAX)
				c->fds[c->n_fds++] = fd;
			else
				close(fd);
		}
	}
}

static void client_read(struct api_client *c)
{
	static uint8_t data[READ_MAX];
	union {
		char room[CMSG_SPACE(API_FDS_MAX * sizeof(int))];
		struct cmsghdr align;
	} control;
	struct iovec iov = { data, sizeof(data) };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1,
		.msg_control = control.room,
		.msg_controllen = sizeof(control.room),
	};
	ssize_t n = recvmsg(c->fd, &msg, MSG_DONTWAIT | MSG_CMSG_CLOEXEC);

	if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK ||
		      errno == EINTR))
		return;
	if (n < 0 || (!n && c->subscribed)) {
		client_close(c);
		return;
	}
	if (!n) {
		/* It may still read the answers. */
		c->eof = true;
		client_flush(c);
		return;
	}
	keep_fds(c, &msg);
	lines_feed(&c->lines, data, (size_t)n);
	client_run(c);
}

static void on_client(uv_poll_t *poll, int status, int events)
{
	struct api_client *c = poll->data;

	if (status < 0) {
		client_close(c);
		return;
	}
	if (events & UV_WRITABLE) {
		client_flush(c);
		if (!c->closing && c->out.len < API_OUT_HIGH)
			client_run(c);
	}
	if (!c->closing && (events & UV_READABLE))
		client_read(c);
}

static bool same_user(int fd)
{
	struct ucred cred;
	socklen_t len = sizeof(cred);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &cred, &len) &&
		cred.uid == geteuid();
}

void api_server_adopt(struct api_server *s, int fd)
{
	struct api_client *c;

	if (!same_user(fd) || s->n_clients >= API_CLIENTS_MAX) {
		log_warn("a connection was refused");
		close(fd);
		return;
	}
	c = xcalloc(1, sizeof(*c));
	c->server = s;
	c->fd = fd;
	lines_init(&c->lines);
	buf_init(&c->out, API_OUT_MAX);
	uv_poll_init(s->a->loop, &c->poll, fd);
	c->poll.data = c;
	c->next = s->clients;
	s->clients = c;
	s->n_clients++;
	client_watch(c);
}

static void on_connect(uv_poll_t *poll, int status, int events)
{
	struct api_server *s = poll->data;
	int fd;

	(void)events;
	if (status < 0)
		return;
	fd = accept4(s->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	if (fd >= 0)
		api_server_adopt(s, fd);
}

/* ---- life ---- */

int api_server_create(struct agent *a, int listener, struct api_server **out)
{
	struct api_server *s = xcalloc(1, sizeof(*s));

	s->a = a;
	s->fd = listener;
	s->finished_end = &s->finished;
	uv_timer_init(a->loop, &s->timer);
	s->timer.data = s;
	if (uv_poll_init(a->loop, &s->listen, listener)) {
		free(s);
		return ERR_SYSTEM;
	}
	s->listen.data = s;
	s->handles = 2;
	uv_poll_start(&s->listen, UV_READABLE, on_connect);
	*out = s;
	return OK;
}

static void on_server_closed(uv_handle_t *handle)
{
	struct api_server *s = handle->data;

	if (--s->handles)
		return;
	close(s->fd);
	free(s);
}

void api_server_destroy(struct api_server *s)
{
	if (!s)
		return;
	while (s->clients) {
		client_flush(s->clients);
		if (s->clients)
			client_close(s->clients);
	}
	while (s->waiting) {
		struct api_call *w = s->waiting;

		s->waiting = w->next;
		api_call_free(w);
	}
	uv_close((uv_handle_t *)&s->timer, on_server_closed);
	uv_close((uv_handle_t *)&s->listen, on_server_closed);
}
