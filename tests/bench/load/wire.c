#include "wire.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum {
	READ_BUFFER = 256 * 1024,
	BUF_MAX = 64 * 1024 * 1024,
	EVENTS = 512,
	KEEP = 4096,		/* an idle connection keeps no more */
	BINARY = 0x82, CLOSE = 0x88, PING = 0x89, PONG = 0x8a,
	HEAD_MAX = 14,
};

static const uint8_t mask[8] = { 0x5a, 0xc3, 0x17, 0x9e,
				 0x5a, 0xc3, 0x17, 0x9e };

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

void wires_init(struct wires *ws)
{
	*ws = (struct wires){ .listener = -1 };
	ws->epoll = epoll_create1(EPOLL_CLOEXEC);
	ws->read_buffer = xmalloc(READ_BUFFER);
	assert(ws->epoll >= 0);
}

static void watch(struct wire *w, int op, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };
	int err = epoll_ctl(w->wires->epoll, op, w->fd, &e);

	assert(err == 0);
}

static void start(struct wire *w, struct wires *ws, enum wire_kind kind, int fd,
		  const struct wire_events *events, void *user)
{
	int on = 1;

	/* It may still stand in this turn's list. */
	*w = (struct wire){ .kind = kind, .fd = fd, .wires = ws,
			    .events = events, .user = user,
			    .dirty = w->dirty, .next_dirty = w->next_dirty };
	buf_init(&w->in, BUF_MAX);
	buf_init(&w->put, BUF_MAX);
	buf_init(&w->out, BUF_MAX);
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

bool wire_connect(struct wire *w, struct wires *ws, enum wire_kind kind,
		  uint16_t port, const struct wire_events *events, void *user)
{
	struct sockaddr_in to = {
		.sin_family = AF_INET, .sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return false;
	start(w, ws, kind, fd, events, user);
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) < 0 &&
	    errno != EINPROGRESS) {
		close(fd);
		return false;
	}
	w->state = WIRE_CONNECTING;
	w->blocked = true;
	watch(w, EPOLL_CTL_ADD, EPOLLIN | EPOLLOUT);
	return true;
}

void wire_adopt(struct wire *w, struct wires *ws, int fd,
		const struct wire_events *events, void *user)
{
	start(w, ws, WIRE_BARE, fd, events, user);
	w->state = WIRE_OPEN;
	watch(w, EPOLL_CTL_ADD, EPOLLIN);
}

void wire_drop(struct wire *w)
{
	struct linger now = { .l_onoff = 1, .l_linger = 0 };

	if (w->state == WIRE_CLOSED)
		return;
	w->state = WIRE_CLOSED;
	setsockopt(w->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
	close(w->fd);
	buf_finish(&w->in);
	buf_finish(&w->put);
	buf_finish(&w->out);
}

static void gone(struct wire *w, int code)
{
	if (w->state == WIRE_CLOSED)
		return;
	wire_drop(w);
	w->events->gone(w, code);
}

/* ---- out ---- */

static void set_dirty(struct wire *w)
{
	if (w->dirty)
		return;
	w->dirty = true;
	w->next_dirty = w->wires->dirty;
	w->wires->dirty = w;
}

uint8_t *wire_room(struct wire *w, size_t len)
{
	uint8_t *p = buf_reserve(&w->put, len);

	assert(p);
	w->put.len += len;
	set_dirty(w);
	return p;
}

void wire_put(struct wire *w, const void *data, size_t len)
{
	memcpy(wire_room(w, len), data, len);
}

/* RFC 6455, 5.2: a masked frame. */
static void add_frame(struct buf *out, uint8_t kind, const uint8_t *data,
		      size_t len)
{
	uint8_t *p = buf_reserve(out, HEAD_MAX + len), *begin = p;
	uint64_t m;

	assert(p);
	*p++ = kind;
	if (len < 126) {
		*p++ = (uint8_t)(0x80 | len);
	} else if (len < 65536) {
		*p++ = 0x80 | 126;
		*p++ = (uint8_t)(len >> 8);
		*p++ = (uint8_t)len;
	} else {
		*p++ = 0x80 | 127;
		put_u64(p, len);
		p += 8;
	}
	memcpy(p, mask, 4);
	p += 4;
	memcpy(&m, mask, 8);
	for (size_t i = 0; i + 8 <= len; i += 8) {
		uint64_t v;

		memcpy(&v, data + i, 8);
		v ^= m;
		memcpy(p + i, &v, 8);
	}
	for (size_t i = len & ~(size_t)7; i < len; i++)
		p[i] = data[i] ^ mask[i & 3];
	out->len += (size_t)(p - begin) + len;
}

static void write_out(struct wire *w, struct buf *out)
{
	while (out->len > 0) {
		ssize_t n = send(w->fd, out->data, out->len, MSG_NOSIGNAL);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN) {
			gone(w, 0);
			return;
		}
		if (n < 0)
			break;
		w->wires->bytes_out += (size_t)n;
		buf_consume(out, (size_t)n);
	}
	if ((out->len > 0) != w->blocked) {
		w->blocked = out->len > 0;
		watch(w, EPOLL_CTL_MOD, EPOLLIN | (w->blocked ? EPOLLOUT : 0u));
	}
	if (out->len == 0 && out->cap + out->head > KEEP)
		buf_clear(out);
}

static void flush(struct wire *w)
{
	if (w->state != WIRE_OPEN || w->put.len == 0)
		return;
	if (w->kind == WIRE_WEBSOCKET)
		add_frame(&w->out, BINARY, w->put.data, w->put.len);
	else if (buf_append(&w->out, w->put.data, w->put.len) < 0)
		abort();
	buf_clear(&w->put);
	if (!w->blocked)
		write_out(w, &w->out);
}

static void flush_all(struct wires *ws)
{
	struct wire *w = ws->dirty;

	ws->dirty = NULL;
	while (w) {
		struct wire *next = w->next_dirty;

		w->dirty = false;
		flush(w);
		w = next;
	}
}

/* ---- in ---- */

static void upgrade(struct wire *w)
{
	static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n"
		"Upgrade: websocket\r\nConnection: Upgrade\r\n"
		"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
		"Sec-WebSocket-Version: 13\r\n"
		"Sec-WebSocket-Protocol: sotto-1\r\n\r\n";

	if (w->kind == WIRE_BARE) {
		w->state = WIRE_OPEN;
		w->events->open(w);
		return;
	}
	w->state = WIRE_UPGRADING;
	if (buf_append(&w->out, request, sizeof(request) - 1) < 0)
		abort();
}

/* Each parser returns how much of data it has used, 0 when it needs more. */
static size_t take_upgrade(struct wire *w, const uint8_t *data, size_t len)
{
	const uint8_t *end = memmem(data, len, "\r\n\r\n", 4);

	if (!end)
		return 0;
	if (len < 12 || memcmp(data, "HTTP/1.1 101", 12) != 0) {
		gone(w, 0);
		return len;
	}
	w->state = WIRE_OPEN;
	w->events->open(w);
	return (size_t)(end + 4 - data);
}

static size_t take_bare(struct wire *w, const uint8_t *data, size_t len)
{
	size_t n;

	if (len < 4)
		return 0;
	n = get_u32(data);
	if (len - 4 < n)
		return 0;
	w->events->frame(w, data + 4, n);
	return 4 + n;
}

static size_t take_websocket(struct wire *w, const uint8_t *data, size_t len)
{
	size_t head = 2, n;

	if (len < 2)
		return 0;
	n = data[1] & 0x7f;
	head += n == 126 ? 2 : n == 127 ? 8 : 0;
	if (len < head)
		return 0;
	if (n == 126)
		n = (size_t)data[2] << 8 | data[3];
	else if (n == 127)
		n = get_u64(data + 2);
	if (len - head < n)
		return 0;
	if (data[0] == BINARY) {
		w->events->frame(w, data + head, n);
	} else if (data[0] == PING) {
		add_frame(&w->out, PONG, data + head, n);
		set_dirty(w);
		if (!w->blocked)
			write_out(w, &w->out);
	} else if (data[0] == CLOSE) {
		gone(w, n >= 2 ? data[head] << 8 | data[head + 1] : 0);
	}
	return head + n;
}

static void parse(struct wire *w, struct bytes b)
{
	size_t used = 1;

	while (w->state != WIRE_CLOSED && b.len > 0 && used > 0) {
		if (w->state == WIRE_UPGRADING)
			used = take_upgrade(w, b.data, b.len);
		else if (w->kind == WIRE_BARE)
			used = take_bare(w, b.data, b.len);
		else
			used = take_websocket(w, b.data, b.len);
		b.data += used;
		b.len -= used;
	}
	if (w->state == WIRE_CLOSED)
		return;
	/* What is left may lie in w->in itself. */
	if (w->in.len > 0)
		buf_consume(&w->in, w->in.len - b.len);
	else if (b.len > 0 && buf_append(&w->in, b.data, b.len) < 0)
		abort();
	if (w->in.len == 0)
		buf_finish(&w->in);
}

static void read_in(struct wire *w)
{
	ssize_t n = recv(w->fd, w->wires->read_buffer, READ_BUFFER, 0);
	struct bytes b;

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		gone(w, 0);
		return;
	}
	w->wires->bytes_in += (size_t)n;
	b = (struct bytes){ w->wires->read_buffer, (size_t)n };
	if (w->in.len > 0) {
		if (buf_append(&w->in, b.data, b.len) < 0)
			abort();
		b = buf_bytes(&w->in);
	}
	parse(w, b);
}

static void connected(struct wire *w)
{
	socklen_t len = sizeof(int);
	int err = 0;

	getsockopt(w->fd, SOL_SOCKET, SO_ERROR, &err, &len);
	if (err)
		gone(w, 0);
	else
		upgrade(w);
}

static void accept_all(struct wires *ws)
{
	int fd;

	while ((fd = accept4(ws->listener, NULL, NULL,
			     SOCK_NONBLOCK | SOCK_CLOEXEC)) >= 0)
		ws->accepted(ws->accepted_ctx, fd);
}

void wires_turn(struct wires *ws, uint64_t max_wait_ns)
{
	struct timespec wait = { .tv_sec = (time_t)(max_wait_ns / 1000000000),
				 .tv_nsec = (long)(max_wait_ns % 1000000000) };
	struct epoll_event events[EVENTS];
	int n;

	flush_all(ws);
	n = epoll_pwait2(ws->epoll, events, EVENTS, &wait, NULL);
	for (int i = 0; i < n; i++) {
		struct wire *w = events[i].data.ptr;

		if (!w) {
			accept_all(ws);
			continue;
		}
		/* An earlier event of this turn may have dropped it. */
		if (w->state == WIRE_CONNECTING &&
		    events[i].events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
			connected(w);
		if (w->state != WIRE_CLOSED && events[i].events & EPOLLOUT)
			write_out(w, &w->out);
		if (w->state > WIRE_CONNECTING &&
		    events[i].events & (EPOLLIN | EPOLLERR | EPOLLHUP))
			read_in(w);
	}
	flush_all(ws);
}
