/* component: relay
 * The baseline of the relay's measurements: what carries the same bytes and does
 * nothing else. Clients say who they are; what they send to each other is
 * forwarded, in bare frames, kept nowhere.
 *
 * A frame's content: type (1 byte), number of the other (4, big-endian), the rest.
 * Usage: bare; prints its port, and serves until its standard input ends.
 */
#include <arpa/inet.h>
#include <assert.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "load/wire.h"

enum { HELLO = 0, CLIENTS = 65536 };

struct client {
	struct wire wire;
	uint32_t number;
};

static struct client *clients[CLIENTS];

static void on_frame(struct wire *w, const uint8_t *data, size_t len)
{
	struct client *c = w->user;
	uint32_t other;
	uint8_t *p;

	if (len < 5)
		return;
	other = get_u32(data + 1) % CLIENTS;
	if (data[0] == HELLO) {
		c->number = other;
		clients[other] = c;
	} else if (!clients[other]) {
		return;
	} else {
		w = &clients[other]->wire;
	}
	p = wire_room(w, 4 + len);
	put_u32(p, (uint32_t)len);
	memcpy(p + 4, data, len);
	put_u32(p + 5, c->number);
}

static void on_gone(struct wire *w, int code)
{
	struct client *c = w->user;

	(void)code;
	if (clients[c->number] == c)
		clients[c->number] = NULL;
	/* Kept: this turn's list may hold it. A drop of 18,000 is 3 MB. */
}

static const struct wire_events events = { .frame = on_frame, .gone = on_gone };

static void on_accepted(void *ctx, int fd)
{
	struct client *c = xcalloc(1, sizeof(*c));

	wire_adopt(&c->wire, ctx, fd, &events, c);
}

static void on_input(struct wire *w, int code)
{
	(void)w;
	(void)code;
	exit(0);
}

static void listen_on(struct wires *ws)
{
	struct sockaddr_in at = { .sin_family = AF_INET,
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct epoll_event e = { .events = EPOLLIN };
	socklen_t len = sizeof(at);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);

	if (bind(fd, (struct sockaddr *)&at, len) < 0 ||
	    listen(fd, SOMAXCONN) < 0 ||
	    getsockname(fd, (struct sockaddr *)&at, &len) < 0 ||
	    epoll_ctl(ws->epoll, EPOLL_CTL_ADD, fd, &e) < 0) {
		perror("bare");
		exit(1);
	}
	ws->listener = fd;
	ws->accepted = on_accepted;
	ws->accepted_ctx = ws;
	printf("%d\n", ntohs(at.sin_port));
	fflush(stdout);
}

int main(void)
{
	static const struct wire_events input = { .gone = on_input };
	static struct wire in;
	struct rlimit limit;
	struct wires ws;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
	wires_init(&ws);
	listen_on(&ws);
	wire_adopt(&in, &ws, STDIN_FILENO, &input, NULL);
	for (;;)
		wires_turn(&ws, 1000000000);
}
