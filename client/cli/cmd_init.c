#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sodium.h>
#include <sys/stat.h>
#include <unistd.h>

#include "account.h"
#include "ask.h"
#include "buf.h"
#include "cli.h"
#include "command.h"
#include "out.h"
#include "passphrase.h"
#include "url.h"

enum {
	OPT_RELAY, OPT_NAME, OPT_KEY, OPT_PASSPHRASE, OPT_RECOVERY, OPT_INVITE,
	OPT_JSON,
};

static const struct option_spec options[] = {
	[OPT_RELAY] = { "relay", "URL", "wss://host[:port] of the relay" },
	[OPT_NAME] = { "name", "NAME", "what others see you called" },
	[OPT_KEY] = { "key-file", "F", "keep the store's key in F, made when absent" },
	[OPT_PASSPHRASE] = { "passphrase-file", "F", "the passphrase stands in F" },
	[OPT_RECOVERY] = { "recovery-file", "F", "write the recovery key to F, which must be new" },
	[OPT_INVITE] = { "invite", "CODE", "the relay's invitation" },
	[OPT_JSON] = { "json", NULL, "print JSON" },
	{ 0 },
};

enum { NAME_MAX_BYTES = 128, LINE_MAX_TEXT = 512 };

/* What there is to tell the agent, and the descriptors that go with it. */
struct setup {
	char relay[LINE_MAX_TEXT];
	char name[LINE_MAX_TEXT];
	struct secret *passphrase;	/* NULL: a key file */
	int recovery_file;		/* -1: none */
	int recovery_pipe;		/* to show it; -1: none */
};

static int check_relay(const char *url)
{
	struct relay_url u;
	int ret = relay_url_parse(url, &u);

	if (ret == ERR_REFUSED)
		return cli_fail(CODE_USAGE, "init: ws:// is for loopback alone; "
				"use wss://");
	if (ret)
		return cli_fail(CODE_USAGE, "init: '%s' is no relay; it looks "
				"like wss://host or wss://host:port", url);
	return CODE_OK;
}

static int ended(void)
{
	return cli_fail(CODE_USAGE, "init: the input ended; nothing was made");
}

static int find_relay(const struct cli *cli, struct setup *s)
{
	const char *given = cli->opt[OPT_RELAY];
	int ret, code;

	if (given) {
		snprintf(s->relay, sizeof(s->relay), "%s", given);
		return check_relay(given);
	}
	if (!ask_possible())
		return cli_fail(CODE_USAGE, "init: give --relay wss://host");
	do {
		ret = ask_line("Relay (wss://host): ", s->relay,
			       sizeof(s->relay));
		if (ret == ERR_NOT_FOUND)
			return ended();
		code = ret ? CODE_USAGE : check_relay(s->relay);
	} while (code);
	return CODE_OK;
}

static int find_name(const struct cli *cli, struct setup *s)
{
	int ret = OK;

	if (cli->opt[OPT_NAME])
		snprintf(s->name, sizeof(s->name), "%s", cli->opt[OPT_NAME]);
	else if (ask_possible())
		ret = ask_line("Your name, as others see it: ", s->name,
			       sizeof(s->name));
	if (ret == ERR_NOT_FOUND)
		return ended();
	if (ret || strlen(s->name) > NAME_MAX_BYTES ||
	    (cli->opt[OPT_NAME] && strlen(cli->opt[OPT_NAME]) > NAME_MAX_BYTES))
		return cli_fail(CODE_USAGE, "init: a name has at most %d bytes",
				NAME_MAX_BYTES);
	if (!cli_is_text(s->name, strlen(s->name)))
		return cli_fail(CODE_USAGE, "init: the name is not UTF-8");
	return CODE_OK;
}

static int read_passphrase_file(const char *file, struct secret **out)
{
	int fd = open(file, O_RDONLY | O_CLOEXEC), ret;

	if (fd < 0)
		return cli_fail(CODE_USAGE, "init: %s: %s", file,
				strerror(errno));
	ret = secret_read_fd(fd, PASSPHRASE_MAX, out);
	close(fd);
	if (ret == ERR_FORMAT)
		return cli_fail(CODE_USAGE, "init: %s is empty", file);
	if (ret)
		return cli_fail(CODE_USAGE, "init: %s: %s", file,
				ret == ERR_TOO_BIG ? "over 1024 bytes" :
				strerror(errno));
	return CODE_OK;
}

/* Twice, until both are the same. An empty one means a key file. */
static int ask_passphrase(struct secret **out)
{
	for (;;) {
		struct secret *a = NULL, *b = NULL;
		int ret = ask_secret("Passphrase (empty: a key file opens the "
				     "store by itself): ", &a);
		bool same;

		if (ret == ERR_NOT_FOUND)
			return ended();
		if (!ret && !a->len) {
			secret_destroy(a);
			return CODE_OK;
		}
		if (!ret)
			ret = ask_secret("The same again: ", &b);
		same = !ret && a->len == b->len &&
			!sodium_memcmp(a->data, b->data, a->len);
		secret_destroy(b);
		if (same) {
			*out = a;
			return CODE_OK;
		}
		secret_destroy(a);
		if (ret == ERR_NOT_FOUND)
			return ended();
		ask_show(ret ? "That is too long.\n" :
			 "They differ, once more.\n");
	}
}

static int find_passphrase(const struct cli *cli, struct setup *s)
{
	const char *file = cli->opt[OPT_PASSPHRASE];

	if (file && cli->opt[OPT_KEY])
		return cli_fail(CODE_USAGE, "init: --key-file or "
				"--passphrase-file, not both");
	if (file)
		return read_passphrase_file(file, &s->passphrase);
	if (cli->opt[OPT_KEY] || !ask_possible())
		return CODE_OK;
	return ask_passphrase(&s->passphrase);
}

/* Where the recovery key goes: a new file, else the person's eyes. */
static int open_recovery(const struct cli *cli, struct setup *s, int *to_agent)
{
	const char *file = cli->opt[OPT_RECOVERY];
	int p[2];

	if (file) {
		s->recovery_file = open(file, O_WRONLY | O_CREAT | O_EXCL |
					O_CLOEXEC, 0600);
		if (s->recovery_file < 0)
			return cli_fail(CODE_USAGE, "init: %s: %s", file,
					strerror(errno));
		*to_agent = fcntl(s->recovery_file, F_DUPFD_CLOEXEC, 3);
	} else if (ask_possible()) {
		if (pipe2(p, O_CLOEXEC))
			return cli_fail(CODE_UNEXPECTED, "%s", strerror(errno));
		s->recovery_pipe = p[0];
		*to_agent = p[1];
	}
	return CODE_OK;
}

/* The agent has another working directory. */
static char *absolute(const char *file)
{
	char cwd[PATH_MAX], *path;

	if (file[0] == '/' || !getcwd(cwd, sizeof(cwd)))
		return xstrdup(file);
	if (asprintf(&path, "%s/%s", cwd, file) < 0)
		abort();
	return path;
}

static json_t *make_params(const struct cli *cli, const struct setup *s,
			   bool recovery)
{
	char *key = cli->opt[OPT_KEY] ? absolute(cli->opt[OPT_KEY]) : NULL;
	json_t *fds = json_array();
	json_t *params = json_pack("{s:s, s:s*, s:s*, s:s*}", "relay", s->relay,
		"name", s->name[0] ? s->name : NULL, "key_file", key,
		"invite", cli->opt[OPT_INVITE]);

	if (s->passphrase)
		json_array_append_new(fds, json_string("passphrase"));
	if (recovery)
		json_array_append_new(fds, json_string("recovery"));
	json_object_set_new(params, "fds", fds);
	free(key);
	return params;
}

/* Asks the agent; closes to_agent. */
static int call(struct cli *cli, const struct setup *s, int to_agent,
		json_t **result)
{
	json_t *error = NULL;
	int fds[2], passphrase = -1, n = 0, ret = OK, code;
	int64_t id;

	if (s->passphrase) {
		ret = passphrase_pipe(s->passphrase->data, s->passphrase->len,
				      &passphrase);
		if (ret)
			goto out;
		fds[n++] = passphrase;
	}
	if (to_agent >= 0)
		fds[n++] = to_agent;
	ret = conn_request_fds(cli->conn, "account.init",
			       make_params(cli, s, to_agent >= 0), fds,
			       (size_t)n, &id);
out:
	/* Ours must be closed before the pipe of the recovery key can end. */
	if (passphrase >= 0)
		close(passphrase);
	if (to_agent >= 0)
		close(to_agent);
	if (!ret)
		ret = conn_wait(cli->conn, id, CALL_MS, result, &error);
	code = ret ? cli_answer_failed(ret, error) : CODE_OK;
	json_decref(error);
	return code;
}

static int show_recovery(int pipe)
{
	struct secret *text = NULL;
	char line[RECOVERY_TEXT_LEN + 8];
	int ret = secret_read_fd(pipe, RECOVERY_TEXT_LEN, &text);

	if (ret)
		return cli_fail(CODE_UNEXPECTED, "init: the account is made, but "
				"its recovery key did not come");
	ask_show("\nThis is your recovery key. It is your account: who has it "
		 "can take it over, and\nwithout it a lost device cannot be put "
		 "out. It is shown this once. Write it down.\n\n");
	snprintf(line, sizeof(line), "    %.*s\n\n", (int)text->len,
		 (const char *)text->data);
	ask_show(line);
	sodium_memzero(line, sizeof(line));
	secret_destroy(text);
	if (ask_yes("Is it written down? Type yes: "))
		return cli_fail(CODE_OK, "init: the account is made; the key "
				"above is not shown again");
	return CODE_OK;
}

/* The recovery key's way after the agent has answered. */
static int keep_recovery(const struct cli *cli, const struct setup *s)
{
	if (s->recovery_pipe >= 0)
		return show_recovery(s->recovery_pipe);
	if (s->recovery_file < 0) {
		return cli_fail(CODE_OK, "the recovery key was not kept, and "
				"cannot be had later: without it a lost account "
				"stays lost (--recovery-file keeps it)");
	}
	if (fsync(s->recovery_file))
		return cli_fail(CODE_UNEXPECTED, "init: the account is made, but "
				"writing %s failed: %s",
				cli->opt[OPT_RECOVERY], strerror(errno));
	return CODE_OK;
}

static int make_account(struct cli *cli, struct setup *s)
{
	json_t *result = NULL;
	int to_agent = -1, code = open_recovery(cli, s, &to_agent);

	if (code)
		return code;
	code = call(cli, s, to_agent, &result);
	if (code) {
		if (s->recovery_file >= 0)
			unlink(cli->opt[OPT_RECOVERY]);
		return code;
	}
	code = keep_recovery(cli, s);
	if (cli->opt[OPT_JSON])
		out_json(result);
	else
		printf("%s\n", out_member(result, "account"));
	json_decref(result);
	cli_hint("'sotto link' prints the link to give to others.");
	return code;
}

/* Nothing is asked for an account that is there already. */
static int check_new(struct cli *cli)
{
	json_t *result;
	int code = cli_call(cli, "hello", NULL, &result);

	if (code)
		return code;
	if (strcmp(out_member(result, "state"), "new") != 0)
		code = cli_fail(CODE_REFUSED, "init: the profile '%s' has an "
				"account; take another with --profile",
				cli->paths.profile);
	json_decref(result);
	return code;
}

static int run(struct cli *cli)
{
	struct setup s = { .recovery_file = -1, .recovery_pipe = -1 };
	int code;

	if (secret_process_init())
		return cli_fail(CODE_UNEXPECTED, "cannot protect this process's "
				"memory");
	code = cli->opt[OPT_RELAY] ? check_relay(cli->opt[OPT_RELAY]) : CODE_OK;
	if (!code)
		code = check_new(cli);
	if (!code)
		code = find_relay(cli, &s);
	if (!code)
		code = find_name(cli, &s);
	if (!code)
		code = find_passphrase(cli, &s);
	if (!code)
		code = make_account(cli, &s);
	secret_destroy(s.passphrase);
	if (s.recovery_file >= 0)
		close(s.recovery_file);
	if (s.recovery_pipe >= 0)
		close(s.recovery_pipe);
	return code;
}

const struct command cmd_init = {
	.name = "init",
	.operands = "",
	.summary = "make an account at a relay",
	.more = "On a terminal it asks for what is missing, and shows the "
		"recovery key once. When\nstandard input is not a terminal it "
		"never asks: without a key option a key file\nis made, and the "
		"recovery key goes to --recovery-file alone.\n",
	.options = options,
	.run = run,
};
