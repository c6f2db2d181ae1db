/* Listening sockets: numeric addresses, and accepting on the loop. */
#ifndef SOTTO_LISTEN_H
#define SOTTO_LISTEN_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <uv.h>

#include "err.h"

enum { LISTEN_TEXT_MAX = 64 };	/* "[IPv6]:PORT" and a NUL */

/* A numeric address and port. */
struct listen_address {
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} u;
};

/* "127.0.0.1:8080", "[::1]:8080"; port 0 lets the system choose. ERR_FORMAT. */
int listen_parse(const char *text, struct listen_address *out) must_check;
bool listen_is_loopback(const struct listen_address *a);
/* 0.0.0.0 or ::. */
bool listen_is_any(const struct listen_address *a);
/* Without the port; IPv6 without brackets. */
void listen_host(const struct listen_address *a,
		 char text[static LISTEN_TEXT_MAX]);

struct listener;

/* Binds, listens and hands each accepted socket (non-blocking, close-on-exec,
 * no delay) to accepted(), who owns it. text gets the address bound, with the
 * port; on failure the one asked for. ERR_SYSTEM, errno tells. */
int listener_create(uv_loop_t *loop, const struct listen_address *address,
		    void (*accepted)(void *ctx, int fd), void *ctx,
		    char text[static LISTEN_TEXT_MAX],
		    struct listener **out) must_check;
/* Closes the socket at once and frees itself on the loop; takes NULL. */
void listener_destroy(struct listener *l);

#endif
