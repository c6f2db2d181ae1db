/* A client of the agent's socket: lines in, lines out. */
#include <errno.h>
#include <sys/socket.h>
#include <unistd.h>

#include "api_server_int.h"
#include "log.h"

enum { READ_MAX = 64 * 1024 };	/* bytes at once */

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

void api_client_close(struct api_client *c)
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
void api_client_flush(struct api_client *c)
{
	while (c->out.len && !c->closing) {
		ssize_t n = send(c->fd, c->out.data, c->out.len,
				 MSG_DONTWAIT | MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (n < 0) {
			api_client_close(c);
			return;
		}
		buf_consume(&c->out, (size_t)n);
	}
	if (!c->out.len)
		buf_finish(&c->out);
	if (c->eof && !c->out.len && !c->calls && !lines_ready(&c->lines))
		api_client_close(c);
	client_watch(c);
}

void api_client_line(struct api_client *c, const json_t *o)
{
	if (c->closing || !lines_append(&c->out, o))
		return;
	log_error("an answer was too long");
	api_client_close(c);
}

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

			api_client_line(c, o);
			json_decref(o);
			continue;
		}
		c->calls++;
		api_dispatch(s->a, s, c, request, c->fds, &c->n_fds);
		json_decref(request);
	}
	s->running = false;
	if (!c->closing)
		api_client_events(c);
	if (!c->closing)
		api_client_flush(c);
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
		api_client_close(c);
		return;
	}
	if (!n) {
		/* It may still read the answers. */
		c->eof = true;
		api_client_flush(c);
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
		api_client_close(c);
		return;
	}
	if (events & UV_WRITABLE) {
		api_client_flush(c);
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
