#include "settings.h"

#include <assert.h>
#include <errno.h>
#include <stdarg.h>

#include "buf.h"
#include "config.h"

int settings_fail(struct config *c, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(c->error, sizeof(c->error), fmt, ap);
	va_end(ap);
	return ERR_USAGE;
}

/* ---- values ---- */

/* A number with one of the suffix letters, which stand for the factors. */
static int parse_number(const char *text, const char *suffixes,
			const uint64_t *factors, uint64_t max, uint64_t *out)
{
	const char *suffix;
	unsigned long long v;
	uint64_t factor = 1;
	char *end;

	if (*text < '0' || *text > '9')
		return ERR_FORMAT;
	errno = 0;
	v = strtoull(text, &end, 10);
	if (errno)
		return ERR_FORMAT;
	if (*end) {
		suffix = strchr(suffixes, *end);
		if (!suffix || end[1])
			return ERR_FORMAT;
		factor = factors[suffix - suffixes];
	}
	if (v > max / factor)
		return ERR_FORMAT;
	*out = v * factor;
	return OK;
}

static int parse_time(const char *text, uint64_t *seconds)
{
	static const uint64_t factors[] = { 1, 60, 3600, 86400 };

	return parse_number(text, "smhd", factors, 366 * 86400ULL, seconds);
}

static int parse_size(const char *text, uint64_t *bytes)
{
	static const uint64_t factors[] = { 1ULL << 10, 1ULL << 20,
					    1ULL << 30 };

	return parse_number(text, "KMG", factors, 1ULL << 50, bytes);
}

static int parse_count(const char *text, uint64_t *n)
{
	return parse_number(text, "", NULL, UINT32_MAX / 2, n);
}

/* ---- settings ---- */

enum kind { KIND_LISTEN, KIND_TEXT, KIND_LEVEL, KIND_TIME, KIND_SIZE,
	    KIND_COUNT, KIND_PERCENT };

enum width { WIDTH_U32, WIDTH_U64, WIDTH_SIZE };

#define AT(member) offsetof(struct config, member)

struct setting {
	const char *name, *value, *help;
	enum kind kind;
	enum width width;
	size_t offset;
	bool live;	/* SIGHUP takes it over */
};

static const struct setting settings[] = {
	{ "listen", "ADDR:PORT", "where to listen; may be given many times",
	  KIND_LISTEN, 0, 0, false },
	{ "data", "DIR", "where mail is kept; made when missing",
	  KIND_TEXT, 0, AT(data), false },
	{ "tls-cert", "FILE", "PEM certificate chain", KIND_TEXT, 0,
	  AT(tls_cert), true },
	{ "tls-key", "FILE", "its PEM private key", KIND_TEXT, 0,
	  AT(tls_key), true },
	{ "name", "NAME", "host name by which clients know this relay",
	  KIND_TEXT, 0, AT(name), false },
	{ "log-level", "LEVEL", "error, warn, info or debug [info]",
	  KIND_LEVEL, 0, 0, true },
	{ "retention", "TIME", "how long mail waits, such as 12h or 7d [7d]",
	  KIND_TIME, WIDTH_U32, AT(core.retention), false },
	{ "mailbox-messages", "N", "messages in one mailbox [20000]",
	  KIND_COUNT, WIDTH_U32, AT(store.mailbox_rows), false },
	{ "mailbox-size", "SIZE", "bytes in one mailbox [64M]",
	  KIND_SIZE, WIDTH_U64, AT(store.mailbox_bytes), false },
	{ "intro-share", "PERCENT", "of a mailbox, for mail from strangers [10]",
	  KIND_PERCENT, WIDTH_U32, AT(store.intro_share), false },
	{ "reserve", "SIZE", "of the disk that mail leaves free [256M]",
	  KIND_SIZE, WIDTH_U64, AT(store.reserve), false },
	{ "intro-burst", "N", "messages at once by one contact link [120]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_INTRO].burst), true },
	{ "intro-rate", "N", "and a minute after that [60]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_INTRO].per_minute), true },
	{ "contact-burst", "N", "messages at once by one contact [40000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_CONTACT].burst), true },
	{ "contact-rate", "N", "and a minute after that [30000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_CONTACT].per_minute), true },
	{ "group-burst", "N", "messages at once by one group [40000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_GROUP].burst), true },
	{ "group-rate", "N", "and a minute after that [30000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_GROUP].per_minute), true },
	{ "register-burst", "N", "new accounts at once [2000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CORE_RATE_REGISTER].burst), true },
	{ "register-rate", "N", "and a minute after that [60]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CORE_RATE_REGISTER].per_minute),
	  true },
	{ "connections", "N", "connections at once [16000]",
	  KIND_COUNT, WIDTH_SIZE, AT(ws.connections_max), true },
	{ "memory", "SIZE", "for mail that is not on the disk yet [64M]",
	  KIND_SIZE, WIDTH_SIZE, AT(core.memory_max), true },
};

_Static_assert(sizeof(settings) / sizeof(settings[0]) == SETTINGS_N,
	       "SETTINGS_N");

static void put_number(struct config *c, const struct setting *s, uint64_t v)
{
	char *at = (char *)c + s->offset;

	switch (s->width) {
	case WIDTH_U32:
		*(uint32_t *)(void *)at = (uint32_t)v;
		break;
	case WIDTH_U64:
		*(uint64_t *)(void *)at = v;
		break;
	case WIDTH_SIZE:
		*(size_t *)(void *)at = (size_t)v;
		break;
	}
}

static int set_listen(struct config *c, const char *value)
{
	if (c->n_listen == CONFIG_LISTEN_MAX)
		return settings_fail(c, "listen: at most %d addresses",
			    CONFIG_LISTEN_MAX);
	if (listen_parse(value, &c->listen[c->n_listen]) < 0)
		return settings_fail(c, "listen: write ADDR:PORT with a numeric "
			    "address, as 127.0.0.1:8443 or [::1]:8443, not "
			    "\"%.100s\"", value);
	c->n_listen++;
	return OK;
}

static int set_number(struct config *c, const struct setting *s,
		      const char *value)
{
	static const char *const forms[] = {
		[KIND_TIME] = "a time such as 90 (seconds), 15m, 12h or 7d",
		[KIND_SIZE] = "a size such as 4096 (bytes), 512K, 64M or 2G",
		[KIND_COUNT] = "a number from 1 on",
		[KIND_PERCENT] = "a number from 1 to 100",
	};
	uint64_t v = 0;
	int err;

	if (s->kind == KIND_TIME)
		err = parse_time(value, &v);
	else if (s->kind == KIND_SIZE)
		err = parse_size(value, &v);
	else
		err = parse_count(value, &v);
	if (err < 0 || v == 0 || (s->kind == KIND_PERCENT && v > 100))
		return settings_fail(c, "%s: write %s, not \"%.100s\"", s->name,
			    forms[s->kind], value);
	put_number(c, s, v);
	return OK;
}

int settings_set(struct config *c, const struct setting *s, const char *value)
{
	char **text;
	int level;

	if (s->kind == KIND_LISTEN)
		return set_listen(c, value);
	if (s->kind == KIND_LEVEL) {
		level = log_level_parse(value);
		if (level < 0)
			return settings_fail(c, "log-level: error, warn, info or "
					     "debug, not \"%.100s\"", value);
		c->log_level = (enum log_level)level;
		return OK;
	}
	if (s->kind != KIND_TEXT)
		return set_number(c, s, value);
	if (!*value)
		return settings_fail(c, "%s: a value is missing", s->name);
	text = (char **)(void *)((char *)c + s->offset);
	free(*text);
	*text = xstrdup(value);
	return OK;
}

const struct setting *settings_find(const char *name)
{
	for (size_t i = 0; i < SETTINGS_N; i++) {
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

const struct setting *settings_at(size_t i)
{
	assert(i < SETTINGS_N);
	return &settings[i];
}

const char *settings_name(const struct setting *s)
{
	return s->name;
}

bool settings_is_listen(const struct setting *s)
{
	return s->kind == KIND_LISTEN;
}

bool settings_wait(const struct setting *s)
{
	return !s->live;
}

bool settings_same(const struct config *a, const struct config *b,
		   const struct setting *s)
{
	const char *at_a = (const char *)a + s->offset;
	const char *at_b = (const char *)b + s->offset;
	static const size_t sizes[] = { 4, 8, sizeof(size_t) };

	if (s->kind == KIND_LISTEN)
		return a->n_listen == b->n_listen &&
		       memcmp(a->listen, b->listen,
			      a->n_listen * sizeof(a->listen[0])) == 0;
	if (s->kind == KIND_LEVEL)
		return a->log_level == b->log_level;
	if (s->kind == KIND_TEXT) {
		const char *text_a = *(char *const *)(const void *)at_a;
		const char *text_b = *(char *const *)(const void *)at_b;

		return text_a && text_b ? strcmp(text_a, text_b) == 0 :
					  text_a == text_b;
	}
	return memcmp(at_a, at_b, sizes[s->width]) == 0;
}

void config_help(FILE *out)
{
	fputs("usage: sotto-relay --listen ADDR:PORT --data DIR "
	      "[--tls-cert FILE --tls-key FILE] [OPTION ...]\n"
	      "       sotto-relay --config FILE [OPTION ...]\n"
	      "       sotto-relay check ... (tests the settings and ends)\n"
	      "\n"
	      "Without TLS it listens on loopback addresses alone.\n"
	      "Each option may stand in the file as NAME = VALUE; the command "
	      "line is stronger.\n\n", out);
	for (size_t i = 0; i < SETTINGS_N; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", settings[i].name,
			 settings[i].value);
		fprintf(out, "  %-26s %s\n", left, settings[i].help);
	}
	fputs("  --config FILE              settings\n"
	      "  --help, --version\n", out);
}
