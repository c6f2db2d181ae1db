#include "link.h"

#include <assert.h>
#include <strings.h>
#include <utf8proc.h>

#include "buf.h"
#include "text.h"

#define SCHEME "sotto://"
#define PLAIN "t=plain"

static bool is_unreserved(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') ||
	       (c >= 'A' && c <= 'Z') || (c && strchr("-._~", c));
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* Decodes up to the end or '&', where *text then stands. */
static int read_name(const char **text, char name[static LINK_NAME_MAX + 1])
{
	const char *s = *text;
	int high, low;
	size_t n = 0;

	for (; *s && *s != '&'; s++) {
		if (n == LINK_NAME_MAX)
			return ERR_TOO_BIG;
		if (is_unreserved(*s)) {
			name[n++] = *s;
			continue;
		}
		if (*s != '%')
			return ERR_FORMAT;
		high = hex_value(s[1]);
		low = high < 0 ? -1 : hex_value(s[2]);
		if (low < 0)
			return ERR_FORMAT;
		name[n++] = (char)(high << 4 | low);
		s += 2;
	}
	/* No name is written by leaving n= out. */
	if (!n)
		return ERR_FORMAT;
	name[n] = '\0';
	*text = s;
	/* A NUL would have hidden what follows it. */
	return strlen(name) == n ? OK : ERR_FORMAT;
}

/* Valid UTF-8 without control characters. */
static bool is_text(const char *name)
{
	const uint8_t *s = (const uint8_t *)name;
	utf8proc_ssize_t n;
	int32_t c;

	for (; *s; s += n) {
		n = utf8proc_iterate(s, -1, &c);
		if (n <= 0 || utf8proc_category(c) == UTF8PROC_CATEGORY_CC)
			return false;
	}
	return true;
}

/* What follows the capability. */
static int read_parameters(const char *text, struct link *l, bool *plain)
{
	int r;

	*plain = false;
	if (!*text)
		return OK;
	if (*text++ != '?')
		return ERR_FORMAT;
	if (strncmp(text, "n=", 2) == 0) {
		text += 2;
		r = read_name(&text, l->name);
		if (r < 0)
			return r;
		if (!is_text(l->name))
			return ERR_FORMAT;
		if (!*text)
			return OK;
		text++;		/* & */
	}
	if (strcmp(text, PLAIN) != 0)
		return ERR_FORMAT;
	*plain = true;
	return OK;
}

static int read_relay(const char *host, size_t len, bool plain,
		      struct relay_url *out)
{
	char url[RELAY_URL_MAX + 1];
	int n;

	if (len > RELAY_URL_MAX)
		return ERR_FORMAT;
	n = snprintf(url, sizeof(url), "%s://%.*s", plain ? "ws" : "wss",
		     (int)len, host);
	if (n < 0 || (size_t)n >= sizeof(url))
		return ERR_FORMAT;
	return relay_url_parse(url, out);
}

int link_parse(const char *text, struct link *out)
{
	struct link l = { .name = "" };
	char account[ACCOUNT_TEXT_LEN + 1];
	const char *host, *slash, *hash;
	size_t len = strnlen(text, LINK_TEXT_MAX + 1);
	bool plain;
	int r;

	if (len > LINK_TEXT_MAX)
		return ERR_TOO_BIG;
	if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
		return ERR_FORMAT;
	host = text + strlen(SCHEME);
	slash = strchr(host, '/');
	if (!slash)
		return ERR_FORMAT;
	hash = strchr(slash, '#');
	if (!hash || hash - slash - 1 != ACCOUNT_TEXT_LEN)
		return ERR_FORMAT;
	memcpy(account, slash + 1, ACCOUNT_TEXT_LEN);
	account[ACCOUNT_TEXT_LEN] = '\0';
	r = account_parse(account, &l.account);
	if (r < 0)
		return r;
	hash++;
	if (strlen(hash) < CAPABILITY_TEXT_LEN)
		return ERR_FORMAT;
	r = capability_parse(hash, CAPABILITY_TEXT_LEN, l.capability);
	if (r < 0)
		return r;
	r = read_parameters(hash + CAPABILITY_TEXT_LEN, &l, &plain);
	if (r < 0)
		return r;
	r = read_relay(host, (size_t)(slash - host), plain, &l.relay);
	if (r < 0)
		return r;
	*out = l;
	return OK;
}

static void append_name(struct buf *b, const char *name)
{
	int r = OK;

	for (; *name && r == OK; name++) {
		if (is_unreserved(*name))
			r = buf_append_u8(b, (uint8_t)*name);
		else
			r = buf_appendf(b, "%%%02X", (uint8_t)*name);
	}
	assert(r == OK);
}

void link_text(const struct link *l, char text[static LINK_TEXT_MAX + 1])
{
	char url[RELAY_URL_MAX + 1], account[ACCOUNT_TEXT_LEN + 1];
	char capability[CAPABILITY_TEXT_LEN + 1];
	struct buf b;
	int r;

	relay_url_text(&l->relay, url);
	account_text(&l->account, account);
	capability_text(l->capability, capability);
	buf_init(&b, LINK_TEXT_MAX);
	r = buf_appendf(&b, SCHEME "%s/%s#%s", strstr(url, "://") + 3, account,
			capability);
	if (r == OK && l->name[0]) {
		r = buf_appendf(&b, "?n=");
		append_name(&b, l->name);
	}
	if (r == OK && !l->relay.tls)
		r = buf_appendf(&b, "%c" PLAIN, l->name[0] ? '&' : '?');
	assert(r == OK);
	memcpy(text, b.data, b.len);
	text[b.len] = '\0';
	buf_finish(&b);
}

void link_set_name(struct link *l, const char *name)
{
	char *line = text_printable_str(name, TEXT_LINE);
	size_t at = 0, n, len = strlen(line);

	for (; at < len; at += n) {
		(void)text_cluster(line + at, len - at, &n);
		if (at + n > LINK_NAME_MAX)
			break;
	}
	memcpy(l->name, line, at);
	l->name[at] = '\0';
	free(line);
}
