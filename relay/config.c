#include "config.h"

#include <errno.h>
#include <getopt.h>
#include <ini.h>

#include "buf.h"
#include "settings.h"

static void set_defaults(struct config *c)
{
	*c = (struct config){ .log_level = LOG_INFO, .core = core_defaults };
	c->store.mailbox_rows = 20000;
	c->store.mailbox_bytes = 64 * 1024 * 1024;
	c->store.intro_share = 10;
	c->store.reserve = 256 * 1024 * 1024;
	c->ws.connections_max = 16000;
	c->ws.partial_max = 64 * 1024 * 1024;
}

/* ---- the file ---- */

static int on_line(void *ctx, const char *section, const char *name,
		   const char *value)
{
	struct config *c = ctx;
	const struct setting *s = settings_find(name);

	if (*section)
		(void)settings_fail(c, "there are no sections, such as "
				    "[%.100s]", section);
	else if (!s)
		(void)settings_fail(c, "unknown setting \"%.100s\"", name);
	else if (settings_set(c, s, value) == OK)
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
		return settings_fail(c, "%.200s cannot be read: %s", c->file,
			    strerror(errno));
	memcpy(why, c->error, sizeof(why));
	return settings_fail(c, "%.200s, line %d: %.250s", c->file, line,
		    *why ? why : "write NAME = VALUE");
}

/* ---- the command line ---- */

enum { OPT_CONFIG = SETTINGS_N, OPT_HELP, OPT_VERSION, N_OPTIONS };

static void make_options(struct option *options)
{
	for (int i = 0; i < SETTINGS_N; i++) {
		const struct setting *s = settings_at((size_t)i);

		options[i] = (struct option){ settings_name(s),
			required_argument, NULL, i + 1 };
	}
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
			return settings_fail(c, "unknown option %.100s; see "
				    "sotto-relay --help", argv[optind - 1]);
		if (opt == ':')
			return settings_fail(c, "%.100s needs a value; see "
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
			const struct setting *s = settings_at((size_t)opt - 1);

			if (settings_is_listen(s) && !listen_reset) {
				c->n_listen = 0;
				listen_reset = true;
			}
			err = settings_set(c, s, optarg);
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
	return settings_fail(c, "\"%.100s\" makes no sense here; see sotto-relay --help",
		    argv[optind]);
}

/* ---- together ---- */

static int check_listen(struct config *c)
{
	if (c->n_listen == 0)
		return settings_fail(c, "say where to listen: --listen ADDR:PORT");
	if (c->tls_cert)
		return OK;
	for (size_t i = 0; i < c->n_listen; i++) {
		char host[LISTEN_TEXT_MAX];

		listen_host(&c->listen[i], host);
		if (!listen_is_loopback(&c->listen[i]))
			return settings_fail(c, "%s is not a loopback address: "
				    "listening there needs TLS, by --tls-cert "
				    "and --tls-key", host);
	}
	return OK;
}

static int check_name(struct config *c)
{
	char host[LISTEN_TEXT_MAX];

	if (c->name && strlen(c->name) > 255)
		return settings_fail(c, "name: at most 255 bytes");
	if (c->name)
		return OK;
	if (listen_is_any(&c->listen[0]))
		return settings_fail(c, "say by which host name clients know this "
			    "relay: --name NAME");
	listen_host(&c->listen[0], host);
	c->name = xstrdup(host);
	return OK;
}

static int complete(struct config *c)
{
	int err;

	if (!c->data)
		return settings_fail(c, "say where to keep mail: --data DIR");
	if (!c->tls_cert != !c->tls_key)
		return settings_fail(c, "--tls-cert and --tls-key go together");
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
