#include "listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <unistd.h>

#include "buf.h"
#include "log.h"

enum { BACKLOG = 1024, ACCEPT_AT_ONCE = 64 };

struct listener {
	uv_poll_t poll;
	uv_timer_t timer;	/* rests when there are no descriptors left */
	int fd;
	unsigned handles;	/* still to be closed */
	void (*accepted)(void *ctx, int fd);
	void *ctx;
};

static int parse_port(const char *text, uint16_t *out)
{
	unsigned long v = 0;

	if (!*text || strlen(text) > 5)
		return ERR_FORMAT;
	for (; *text; text++) {
		if (*text < '0' || *text > '9')
			return ERR_FORMAT;
		v = v * 10 + (unsigned long)(*text - '0');
	}
	if (v > 65535)
		return ERR_FORMAT;
	*out = (uint16_t)v;
	return OK;
}

int listen_parse(const char *text, struct listen_address *out)
{
	const char *colon = strrchr(text, ':');
	struct listen_address a = { 0 };
	char host[LISTEN_TEXT_MAX];
	uint16_t port;
	size_t len;

	if (!colon || parse_port(colon + 1, &port) < 0)
		return ERR_FORMAT;
	len = (size_t)(colon - text);
	if (len >= sizeof(host))
		return ERR_FORMAT;
	memcpy(host, text, len);
	host[len] = '\0';
	if (len > 2 && host[0] == '[' && host[len - 1] == ']') {
		host[len - 1] = '\0';
		if (inet_pton(AF_INET6, host + 1, &a.u.v6.sin6_addr) != 1)
			return ERR_FORMAT;
		a.u.v6.sin6_family = AF_INET6;
		a.u.v6.sin6_port = htons(port);
	} else {
		if (inet_pton(AF_INET, host, &a.u.v4.sin_addr) != 1)
			return ERR_FORMAT;
		a.u.v4.sin_family = AF_INET;
		a.u.v4.sin_port = htons(port);
	}
	*out = a;
	return OK;
}

bool listen_is_loopback(const struct listen_address *a)
{
	if (a->u.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_LOOPBACK(&a->u.v6.sin6_addr);
	return ntohl(a->u.v4.sin_addr.s_addr) >> 24 == 127;
}

bool listen_is_any(const struct listen_address *a)
{
	if (a->u.any.sa_family == AF_INET6)
		return IN6_IS_ADDR_UNSPECIFIED(&a->u.v6.sin6_addr);
	return a->u.v4.sin_addr.s_addr == htonl(INADDR_ANY);
}

void listen_host(const struct listen_address *a,
		 char text[static LISTEN_TEXT_MAX])
{
	const void *addr = a->u.any.sa_family == AF_INET6 ?
		(const void *)&a->u.v6.sin6_addr :
		(const void *)&a->u.v4.sin_addr;

	inet_ntop(a->u.any.sa_family, addr, text, LISTEN_TEXT_MAX);
}

static socklen_t address_len(const struct listen_address *a)
{
	return a->u.any.sa_family == AF_INET6 ? sizeof(a->u.v6) :
		sizeof(a->u.v4);
}

static int bind_socket(const struct listen_address *address)
{
	int one = 1;
	int fd = socket(address->u.any.sa_family,
			SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

	if (fd < 0)
		return -1;
	/* A restart may bind while old connections linger. */
	(void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (address->u.any.sa_family == AF_INET6)
		(void)setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one,
				 sizeof(one));
	if (bind(fd, &address->u.any, address_len(address)) < 0 ||
	    listen(fd, BACKLOG) < 0) {
		int saved = errno;

		close(fd);
		errno = saved;
		return -1;
	}
	return fd;
}

static void on_readable(uv_poll_t *poll, int status, int events);

static void on_rested(uv_timer_t *timer)
{
	struct listener *l = timer->data;

	uv_poll_start(&l->poll, UV_READABLE, on_readable);
}

static void on_readable(uv_poll_t *poll, int status, int events)
{
	struct listener *l = poll->data;
	int one = 1;

	(void)events;
	if (status < 0)
		return;
	for (int i = 0; i < ACCEPT_AT_ONCE; i++) {
		int fd = accept4(l->fd, NULL, NULL,
				 SOCK_NONBLOCK | SOCK_CLOEXEC);

		if (fd < 0) {
			if (errno == EAGAIN || errno == ECONNABORTED ||
			    errno == EINTR)
				return;
			/* Such as no descriptors or memory left: the socket
			 * stays readable, and the loop would spin. */
			log_warn("cannot accept: %m");
			uv_poll_stop(&l->poll);
			uv_timer_start(&l->timer, on_rested, 500, 0);
			return;
		}
		(void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one,
				 sizeof(one));
		l->accepted(l->ctx, fd);
	}
}

static void print(const struct listen_address *a,
		 char text[static LISTEN_TEXT_MAX])
{
	bool v6 = a->u.any.sa_family == AF_INET6;
	char host[LISTEN_TEXT_MAX];

	listen_host(a, host);
	snprintf(text, LISTEN_TEXT_MAX, v6 ? "[%.46s]:%u" : "%.46s:%u", host,
		 (unsigned)ntohs(v6 ? a->u.v6.sin6_port : a->u.v4.sin_port));
}

static void name_bound(int fd, char text[static LISTEN_TEXT_MAX])
{
	struct listen_address bound = { 0 };
	socklen_t len = sizeof(bound.u);

	(void)getsockname(fd, &bound.u.any, &len);
	print(&bound, text);
}

int listener_create(uv_loop_t *loop, const struct listen_address *address,
		    void (*accepted)(void *ctx, int fd), void *ctx,
		    char text[static LISTEN_TEXT_MAX], struct listener **out)
{
	int fd = bind_socket(address);
	struct listener *l;

	if (fd < 0) {
		int saved = errno;

		print(address, text);
		errno = saved;
		return ERR_SYSTEM;
	}
	l = xcalloc(1, sizeof(*l));
	l->fd = fd;
	l->accepted = accepted;
	l->ctx = ctx;
	l->handles = 2;
	uv_poll_init(loop, &l->poll, fd);
	uv_timer_init(loop, &l->timer);
	l->poll.data = l;
	l->timer.data = l;
	uv_poll_start(&l->poll, UV_READABLE, on_readable);
	name_bound(fd, text);
	*out = l;
	return OK;
}

static void on_closed(uv_handle_t *handle)
{
	struct listener *l = handle->data;

	if (--l->handles == 0)
		free(l);
}

void listener_destroy(struct listener *l)
{
	if (!l)
		return;
	uv_close((uv_handle_t *)&l->poll, on_closed);
	uv_close((uv_handle_t *)&l->timer, on_closed);
	close(l->fd);
}
