#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>
#include <unistd.h>

#include "config.h"

enum { ARGS_MAX = 16 };

/* words: an argument each, "" ends. Returns config_load's result. */
static int load(struct config *c, const char *const *words)
{
	static char copies[ARGS_MAX][256];
	char *argv[ARGS_MAX + 1] = { copies[0] };
	int argc = 1;

	snprintf(copies[0], sizeof(copies[0]), "sotto-relay");
	for (; *words; words++, argc++) {
		snprintf(copies[argc], sizeof(copies[argc]), "%s", *words);
		argv[argc] = copies[argc];
	}
	return config_load(c, argc, argv);
}

#define LOAD(c, ...) load(c, (const char *const[]){ __VA_ARGS__, NULL })

static void test_config_flags_alone_are_enough(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(LOAD(&c, "--listen", "127.0.0.1:0", "--listen",
			      "[::1]:8443", "--data", "d"), OK);
	assert_int_equal(c.command, CONFIG_RUN);
	assert_int_equal(c.n_listen, 2);
	assert_string_equal(c.store.dir, "d");
	assert_string_equal(c.core.name, "127.0.0.1");
	assert_int_equal(c.store.retention, 7 * 24 * 3600);
	config_finish(&c);
}

static void test_config_plain_beyond_loopback_is_refused(void **state)
{
	static const char *const outside[] = { "0.0.0.0:1", "192.0.2.1:443",
		"[::]:443", "[2001:db8::1]:1" };
	struct config c;

	(void)state;
	for (size_t i = 0; i < sizeof(outside) / sizeof(outside[0]); i++) {
		assert_int_equal(LOAD(&c, "--listen", outside[i], "--data",
				      "d"), ERR_USAGE);
		assert_non_null(strstr(c.error, "--tls-cert"));
		config_finish(&c);
		assert_int_equal(LOAD(&c, "--listen", outside[i], "--data",
				      "d", "--tls-cert", "c", "--tls-key",
				      "k", "--name", "relay.example"), OK);
		config_finish(&c);
	}
}

static void test_config_wrong_usage_says_what_to_do(void **state)
{
	static const struct {
		const char *words[8], *says;
	} cases[] = {
		{ { "--data", "d" }, "--listen" },
		{ { "--listen", "127.0.0.1:1" }, "--data" },
		{ { "--listen", "localhost:1", "--data", "d" }, "numeric" },
		{ { "--listen", "127.0.0.1:99999", "--data", "d" }, "ADDR" },
		{ { "--nats", "x" }, "unknown option --nats" },
		{ { "--listen" }, "needs a value" },
		{ { "--retention", "7y", "--data", "d" }, "7d, not \"7y\"" },
		{ { "--retention", "0", "--data", "d" }, "retention" },
		{ { "--intro-share", "101", "--data", "d" }, "1 to 100" },
		{ { "--mailbox-size", "99999999999999G" }, "64M" },
		{ { "--log-level", "loud" }, "log-level" },
		{ { "frobnicate" }, "frobnicate" },
		{ { "--listen", "127.0.0.1:1", "--data", "d", "--tls-cert",
		    "c" }, "together" },
		{ { "--config", "/nonexistent/file" }, "cannot be read" },
	};
	struct config c;

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		assert_int_equal(load(&c, cases[i].words), ERR_USAGE);
		if (!strstr(c.error, cases[i].says))
			fail_msg("\"%s\" says nothing of \"%s\"", c.error,
				 cases[i].says);
		config_finish(&c);
	}
}

static void write_file(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static void test_config_file_is_weaker_than_flags(void **state)
{
	char path[] = "/tmp/sotto-config-XXXXXX";
	struct config c;

	(void)state;
	close(mkstemp(path));
	write_file(path, "# a relay\nlisten = 127.0.0.1:1\n"
		   "listen = 127.0.0.1:2\ndata = /srv/mail\n"
		   "retention = 12h\nmailbox-size = 2M\nname = relay.example\n");
	assert_int_equal(LOAD(&c, "--config", path), OK);
	assert_int_equal(c.n_listen, 2);
	assert_int_equal(c.core.retention, 12 * 3600);
	assert_int_equal(c.store.mailbox_bytes, 2 * 1024 * 1024);
	assert_string_equal(c.core.name, "relay.example");
	config_finish(&c);
	assert_int_equal(LOAD(&c, "check", "--config", path, "--listen",
			      "127.0.0.1:9", "--data", "d"), OK);
	assert_int_equal(c.command, CONFIG_CHECK);
	assert_int_equal(c.n_listen, 1);
	assert_string_equal(c.data, "d");
	config_finish(&c);
	unlink(path);
}

static void test_config_wrong_line_is_named(void **state)
{
	static const struct {
		const char *text, *says;
	} cases[] = {
		{ "data = d\nlisen = 127.0.0.1:1\n", "line 2" },
		{ "data = d\n\nretention = soon\n", "line 3" },
		{ "[relay]\ndata = d\n", "sections" },
		{ "data = d\nnonsense\n", "line 2" },
	};
	char path[] = "/tmp/sotto-config-XXXXXX";
	struct config c;

	(void)state;
	close(mkstemp(path));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		write_file(path, cases[i].text);
		assert_int_equal(LOAD(&c, "--config", path), ERR_USAGE);
		if (!strstr(c.error, cases[i].says))
			fail_msg("\"%s\" says nothing of \"%s\"", c.error,
				 cases[i].says);
		config_finish(&c);
	}
	unlink(path);
}

static void test_config_help_and_version_need_nothing_else(void **state)
{
	struct config c;

	(void)state;
	assert_int_equal(LOAD(&c, "--help"), OK);
	assert_int_equal(c.command, CONFIG_HELP);
	config_finish(&c);
	assert_int_equal(LOAD(&c, "--version"), OK);
	assert_int_equal(c.command, CONFIG_VERSION);
	config_finish(&c);
}

int main(void)
{
	static const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_flags_alone_are_enough),
		cmocka_unit_test(test_config_plain_beyond_loopback_is_refused),
		cmocka_unit_test(test_config_wrong_usage_says_what_to_do),
		cmocka_unit_test(test_config_file_is_weaker_than_flags),
		cmocka_unit_test(test_config_wrong_line_is_named),
		cmocka_unit_test(test_config_help_and_version_need_nothing_else),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
