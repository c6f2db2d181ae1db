/* Relay addresses: wss://host[:port], and ws:// to loopback alone. */
#ifndef SOTTO_URL_H
#define SOTTO_URL_H

#include <stdbool.h>
#include <stdint.h>

#include "err.h"

enum { RELAY_HOST_MAX = 253, RELAY_URL_MAX = 255 };

struct relay_url {
	bool tls;
	char host[RELAY_HOST_MAX + 1];	/* lower case; IPv6 without brackets */
	uint16_t port;			/* default 443, plain 80 */
};

/* ERR_FORMAT for another form (RFC 3986, path only "/" or none), ERR_REFUSED for
 * ws:// to another host than localhost, 127.0.0.0/8 or ::1. */
int relay_url_parse(const char *text, struct relay_url *out) must_check;
/* The normal form; the default port is left out. */
void relay_url_text(const struct relay_url *u, char text[static RELAY_URL_MAX + 1]);

#endif
