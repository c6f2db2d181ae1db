#include "url.h"

#include <arpa/inet.h>
#include <assert.h>
#include <strings.h>

enum { PORT_TLS = 443, PORT_PLAIN = 80, LABEL_MAX = 63, PORT_DIGITS = 5 };

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'z');
}

/* A host name of letters, digits and inner hyphens (RFC 1123, section 2.1), in
 * lower case. A last label that begins with a digit is no name: resolvers take
 * "127.1" and "0x7f.1" for addresses. */
static bool is_host_name(const char *host)
{
	const char *label = host, *c;

	for (c = host; ; c++) {
		if (is_alnum(*c) || *c == '-')
			continue;
		if (*c != '.' && *c != '\0')
			return false;
		if (c == label || c - label > LABEL_MAX || *label == '-' ||
		    c[-1] == '-')
			return false;
		if (!*c)
			return !is_digit(*label);
		label = c + 1;
	}
}

/* host: what stands in the URL, without brackets. */
static int read_host(const char *host, size_t len, bool brackets,
		     struct relay_url *out)
{
	struct in6_addr six;
	struct in_addr four;

	if (!len || len > RELAY_HOST_MAX || memchr(host, '\0', len))
		return ERR_FORMAT;
	for (size_t i = 0; i < len; i++)
		out->host[i] = host[i] >= 'A' && host[i] <= 'Z' ?
			       (char)(host[i] | 0x20) : host[i];
	out->host[len] = '\0';
	if (brackets) {
		if (inet_pton(AF_INET6, out->host, &six) != 1)
			return ERR_FORMAT;
		inet_ntop(AF_INET6, &six, out->host, sizeof(out->host));
		return OK;
	}
	if (inet_pton(AF_INET, out->host, &four) == 1 ||
	    is_host_name(out->host))
		return OK;
	return ERR_FORMAT;
}

/* Digits up to the end or a slash; returns what follows, or NULL. */
static const char *read_port(const char *text, uint16_t *port)
{
	uint32_t v = 0;
	int n = 0;

	if (*text == '0')
		return NULL;
	for (; is_digit(*text) && n < PORT_DIGITS; text++, n++)
		v = v * 10 + (uint32_t)(*text - '0');
	if (!n || v > UINT16_MAX)
		return NULL;
	*port = (uint16_t)v;
	return text;
}

static bool is_loopback(const char *host)
{
	struct in_addr four;

	if (inet_pton(AF_INET, host, &four) == 1)
		return ntohl(four.s_addr) >> 24 == 127;
	return strcmp(host, "localhost") == 0 || strcmp(host, "::1") == 0;
}

static int format(const struct relay_url *u, char *text, size_t size)
{
	bool six = strchr(u->host, ':') != NULL;
	char port[PORT_DIGITS + 2] = "";

	if (u->port != (u->tls ? PORT_TLS : PORT_PLAIN))
		snprintf(port, sizeof(port), ":%u", (unsigned)u->port);
	return snprintf(text, size, "%s://%s%s%s%s", u->tls ? "wss" : "ws",
			six ? "[" : "", u->host, six ? "]" : "", port);
}

int relay_url_parse(const char *text, struct relay_url *out)
{
	struct relay_url u = { .tls = true, .port = PORT_TLS };
	const char *end;
	bool six;
	int r;

	if (strncasecmp(text, "wss://", 6) == 0) {
		text += 6;
	} else if (strncasecmp(text, "ws://", 5) == 0) {
		text += 5;
		u.tls = false;
		u.port = PORT_PLAIN;
	} else {
		return ERR_FORMAT;
	}
	six = *text == '[';
	text += six;
	end = text + strcspn(text, six ? "]" : ":/");
	r = read_host(text, (size_t)(end - text), six, &u);
	if (r < 0)
		return r;
	if (six && *end++ != ']')
		return ERR_FORMAT;
	if (*end == ':')
		end = read_port(end + 1, &u.port);
	if (!end || (*end && strcmp(end, "/") != 0))
		return ERR_FORMAT;
	if (!u.tls && !is_loopback(u.host))
		return ERR_REFUSED;
	if (format(&u, NULL, 0) > RELAY_URL_MAX)
		return ERR_FORMAT;
	*out = u;
	return OK;
}

void relay_url_text(const struct relay_url *u,
		    char text[static RELAY_URL_MAX + 1])
{
	int n = format(u, text, RELAY_URL_MAX + 1);

	assert(n > 0 && n <= RELAY_URL_MAX);
	(void)n;
}
