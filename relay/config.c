#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <ini.h>
#include <limits.h>
#include <stdarg.h>

#include "buf.h"

static int fail(struct config *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

static int fail(struct config *c, const char *fmt, ...)
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

static const struct setting {
	const char *name, *value, *help;
	enum kind kind;
	enum width width;
	size_t offset;
} settings[] = {
	{ "listen", "ADDR:PORT", "where to listen; may be given many times",
	  KIND_LISTEN, 0, 0 },
	{ "data", "DIR", "where mail is kept; made when missing",
	  KIND_TEXT, 0, AT(data) },
	{ "tls-cert", "FILE", "PEM certificate chain", KIND_TEXT, 0,
	  AT(tls_cert) },
	{ "tls-key", "FILE", "its PEM private key", KIND_TEXT, 0,
	  AT(tls_key) },
	{ "name", "NAME", "host name by which clients know this relay",
	  KIND_TEXT, 0, AT(name) },
	{ "log-level", "LEVEL", "error, warn, info or debug [info]",
	  KIND_LEVEL, 0, 0 },
	{ "retention", "TIME", "how long mail waits, such as 12h or 7d [7d]",
	  KIND_TIME, WIDTH_U32, AT(core.retention) },
	{ "mailbox-messages", "N", "messages in one mailbox [20000]",
	  KIND_COUNT, WIDTH_U32, AT(store.mailbox_rows) },
	{ "mailbox-size", "SIZE", "bytes in one mailbox [64M]",
	  KIND_SIZE, WIDTH_U64, AT(store.mailbox_bytes) },
	{ "intro-share", "PERCENT", "of a mailbox, for mail from strangers [10]",
	  KIND_PERCENT, WIDTH_U32, AT(store.intro_share) },
	{ "intro-burst", "N", "messages at once by one contact link [120]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_INTRO].burst) },
	{ "intro-rate", "N", "and a minute after that [60]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_INTRO].per_minute) },
	{ "contact-burst", "N", "messages at once by one contact [40000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_CONTACT].burst) },
	{ "contact-rate", "N", "and a minute after that [30000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_CONTACT].per_minute) },
	{ "group-burst", "N", "messages at once by one group [40000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_GROUP].burst) },
	{ "group-rate", "N", "and a minute after that [30000]",
	  KIND_COUNT, WIDTH_U32, AT(core.rates[CAP_GROUP].per_minute) },
	{ "connections", "N", "connections at once [16000]",
	  KIND_COUNT, WIDTH_SIZE, AT(ws.connections_max) },
	{ "memory", "SIZE", "for mail that is not on the disk yet [64M]",
	  KIND_SIZE, WIDTH_SIZE, AT(core.memory_max) },
};

enum { N_SETTINGS = sizeof(settings) / sizeof(settings[0]) };

static void set_defaults(struct config *c)
{
	*c = (struct config){ .log_level = LOG_INFO, .core = core_defaults };
	c->store.mailbox_rows = 20000;
	c->store.mailbox_bytes = 64 * 1024 * 1024;
	c->store.intro_share = 10;
	c->ws.connections_max = 16000;
	c->ws.partial_max = 64 * 1024 * 1024;
}

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
		return fail(c, "listen: at most %d addresses",
			    CONFIG_LISTEN_MAX);
	if (listen_parse(value, &c->listen[c->n_listen]) < 0)
		return fail(c, "listen: write ADDR:PORT with a numeric "
			    "address, as 127.0.0.1:8443 or [::1]:8443, not "
			    "\"%.100s\"", value);
	c->n_listen++;
	return OK;
}

static int set_number(struct config *c, const struct setting *s,
		      const char *value)
{
	uint64_t v = 0;
	int err;

	if (s->kind == KIND_TIME)
		err = parse_time(value, &v);
	else if (s->kind == KIND_SIZE)
		err = parse_size(value, &v);
	else
		err = parse_count(value, &v);
	if (err < 0 || v == 0 || (s->kind == KIND_PERCENT && v > 100))
		return fail(c, "%s: \"%.100s\" is not a %s here", s->name,
			    value, s->value);
	put_number(c, s, v);
	return OK;
}

static int set(struct config *c, const struct setting *s, const char *value)
{
	char **text;
	int level;

	if (s->kind == KIND_LISTEN)
		return set_listen(c, value);
	if (s->kind == KIND_LEVEL) {
		level = log_level_parse(value);
		if (level < 0)
			return fail(c, "log-level: error, warn, info or debug, "
				    "not \"%.100s\"", value);
		c->log_level = (enum log_level)level;
		return OK;
	}
	if (s->kind != KIND_TEXT)
		return set_number(c, s, value);
	if (!*value)
		return fail(c, "%s: a value is missing", s->name);
	text = (char **)(void *)((char *)c + s->offset);
	free(*text);
	*text = xstrdup(value);
	return OK;
}

static const struct setting *find(const char *name)
{
	for (size_t i = 0; i < N_SETTINGS; i++) {
		if (strcmp(settings[i].name, name) == 0)
			return &settings[i];
	}
	return NULL;
}

/* ---- the file ---- */

static int on_line(void *ctx, const char *section, const char *name,
		   const char *value)
{
	struct config *c = ctx;
	const struct setting *s = find(name);

	if (*section)
		(void)fail(c, "there are no sections, such as [%.100s]", section);
	else if (!s)
		(void)fail(c, "unknown setting \"%.100s\"", name);
	else if (set(c, s, value) == OK)
		return 1;
	return 0;
}

static int read_file(struct config *c)
{
	char why[CONFIG_ERROR_MAX];
	int line = ini_parse(c->file, on_line, c);

	if (line == 0)
		return OK;
	if (line < 0)
		return fail(c, "%.200s cannot be read: %s", c->file,
			    strerror(errno));
	memcpy(why, c->error, sizeof(why));
	return fail(c, "%.200s, line %d: %.250s", c->file, line,
		    *why ? why : "write NAME = VALUE");
}

/* ---- the command line ---- */

enum { OPT_CONFIG = N_SETTINGS, OPT_HELP, OPT_VERSION, N_OPTIONS };

static void make_options(struct option *options)
{
	for (int i = 0; i < N_SETTINGS; i++)
		options[i] = (struct option){ settings[i].name,
			required_argument, NULL, i + 1 };
	options[OPT_CONFIG] = (struct option){ "config", required_argument,
		NULL, OPT_CONFIG + 1 };
	options[OPT_HELP] = (struct option){ "help", no_argument, NULL,
		OPT_HELP + 1 };
	options[OPT_VERSION] = (struct option){ "version", no_argument, NULL,
		OPT_VERSION + 1 };
	options[N_OPTIONS] = (struct option){ 0 };
}

/* Goes over argv once: the first time for the file's name and the command, the
 * second for the settings, which are stronger than the file's. */
static int scan(struct config *c, int argc, char **argv, bool apply)
{
	struct option options[N_OPTIONS + 1];
	bool listen_reset = false;
	int opt, err;

	make_options(options);
	optind = 0;
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (opt == '?')
			return fail(c, "unknown option %.100s; see "
				    "sotto-relay --help", argv[optind - 1]);
		if (opt == ':')
			return fail(c, "%.100s needs a value; see "
				    "sotto-relay --help", argv[optind - 1]);
		if (opt == OPT_HELP + 1) {
			c->command = CONFIG_HELP;
		} else if (opt == OPT_VERSION + 1) {
			c->command = CONFIG_VERSION;
		} else if (opt == OPT_CONFIG + 1) {
			if (!apply) {
				free(c->file);
				c->file = xstrdup(optarg);
			}
		} else if (apply) {
			const struct setting *s = &settings[opt - 1];

			if (s->kind == KIND_LISTEN && !listen_reset) {
				c->n_listen = 0;
				listen_reset = true;
			}
			err = set(c, s, optarg);
			if (err < 0)
				return err;
		}
	}
	if (c->command != CONFIG_RUN || optind == argc)
		return OK;
	if (optind + 1 == argc && strcmp(argv[optind], "check") == 0) {
		if (apply)
			c->command = CONFIG_CHECK;
		return OK;
	}
	return fail(c, "\"%.100s\" makes no sense here; see sotto-relay --help",
		    argv[optind]);
}

/* ---- together ---- */

static int check_listen(struct config *c)
{
	if (c->n_listen == 0)
		return fail(c, "say where to listen: --listen ADDR:PORT");
	if (c->tls_cert)
		return OK;
	for (size_t i = 0; i < c->n_listen; i++) {
		char host[LISTEN_TEXT_MAX];

		listen_host(&c->listen[i], host);
		if (!listen_is_loopback(&c->listen[i]))
			return fail(c, "%s is not a loopback address: "
				    "listening there needs TLS, by --tls-cert "
				    "and --tls-key", host);
	}
	return OK;
}

static int check_name(struct config *c)
{
	char host[LISTEN_TEXT_MAX];

	if (c->name && strlen(c->name) > 255)
		return fail(c, "name: at most 255 bytes");
	if (c->name)
		return OK;
	if (listen_is_any(&c->listen[0]))
		return fail(c, "say by which host name clients know this "
			    "relay: --name NAME");
	listen_host(&c->listen[0], host);
	c->name = xstrdup(host);
	return OK;
}

static int complete(struct config *c)
{
	int err;

	if (!c->data)
		return fail(c, "say where to keep mail: --data DIR");
	if (!c->tls_cert != !c->tls_key)
		return fail(c, "--tls-cert and --tls-key go together");
	err = check_listen(c);
	if (err == OK)
		err = check_name(c);
	if (err < 0)
		return err;
	c->core.name = c->name;
	c->store.dir = c->data;
	c->store.retention = c->core.retention;
	c->ws.tls_cert = c->tls_cert;
	c->ws.tls_key = c->tls_key;
	return OK;
}

int config_load(struct config *c, int argc, char **argv)
{
	int err;

	set_defaults(c);
	err = scan(c, argc, argv, false);
	if (err < 0 || c->command != CONFIG_RUN)
		return err;
	if (c->file)
		err = read_file(c);
	if (err == OK)
		err = scan(c, argc, argv, true);
	if (err == OK)
		err = complete(c);
	return err;
}

void config_finish(struct config *c)
{
	free(c->file);
	free(c->data);
	free(c->tls_cert);
	free(c->tls_key);
	free(c->name);
	*c = (struct config){ 0 };
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
	for (size_t i = 0; i < N_SETTINGS; i++) {
		char left[64];

		snprintf(left, sizeof(left), "--%s %s", settings[i].name,
			 settings[i].value);
		fprintf(out, "  %-26s %s\n", left, settings[i].help);
	}
	fputs("  --config FILE              settings\n"
	      "  --help, --version\n", out);
}
