#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#include "ask.h"
#include "cli.h"
#include "command.h"
#include "passphrase.h"
#include "out.h"

enum { OPT_FD };

static const struct option_spec options[] = {
	[OPT_FD] = { "passphrase-fd", "N", "read the passphrase from descriptor N" },
	{ 0 },
};

static int read_passphrase(const struct cli *cli, struct secret **out)
{
	const char *text = cli->opt[OPT_FD];
	int fd, ret;

	if (!text && !ask_possible())
		return cli_fail(CODE_USAGE, "unlock: there is no terminal to ask "
				"on; give --passphrase-fd N");
	if (!text) {
		ret = ask_secret("Passphrase: ", out);
	} else {
		if (!cli_number(text, 0, &fd) || fcntl(fd, F_GETFD) < 0)
			return cli_fail(CODE_USAGE, "unlock: '%s' is no open "
					"descriptor", text);
		ret = secret_read_fd(fd, PASSPHRASE_MAX, out);
	}
	if (ret == ERR_TOO_BIG)
		return cli_fail(CODE_USAGE, "unlock: a passphrase has at most %d "
				"bytes", PASSPHRASE_MAX);
	if (ret == ERR_SYSTEM)
		return cli_fail(CODE_UNEXPECTED, "unlock: cannot read the "
				"passphrase: %s", strerror(errno));
	if (ret)
		return cli_fail(CODE_USAGE, "unlock: the passphrase is empty");
	return CODE_OK;
}

static int unlock(struct cli *cli, const struct secret *passphrase)
{
	json_t *error = NULL;
	int64_t id;
	int ret, fd, code = cli_connect(cli);

	if (code)
		return code;
	if (passphrase_pipe(passphrase->data, passphrase->len, &fd))
		return cli_fail(CODE_UNEXPECTED, "cannot pass the passphrase: %s",
				strerror(errno));
	ret = conn_request_fds(cli->conn, "account.unlock",
			       json_pack("{s:[s]}", "fds", "passphrase"), &fd,
			       1, &id);
	close(fd);
	if (!ret)
		ret = conn_wait(cli->conn, id, CALL_MS, NULL, &error);
	if (ret)
		code = cli_answer_failed(ret, error);
	json_decref(error);
	return code;
}

/* Not when a key file opens the store, or it is open. */
static int find_need(struct cli *cli, bool *need)
{
	json_t *s;
	int code = cli_call(cli, "status", NULL, &s);

	if (code)
		return code;
	*need = !strcmp(out_member(s, "state"), "locked") &&
		!strcmp(out_member(s, "vault"), "passphrase");
	json_decref(s);
	return CODE_OK;
}

static int run(struct cli *cli)
{
	struct secret *passphrase = NULL;
	bool need;
	int code = find_need(cli, &need);

	if (code)
		return code;
	if (!need)
		return cli_call(cli, "account.unlock", NULL, NULL);

	if (secret_process_init())
		return cli_fail(CODE_UNEXPECTED, "cannot protect this process's "
				"memory");
	code = read_passphrase(cli, &passphrase);
	if (!code)
		code = unlock(cli, passphrase);
	secret_destroy(passphrase);
	return code;
}

const struct command cmd_unlock = {
	.name = "unlock",
	.operands = "",
	.summary = "give the agent the passphrase",
	.more = "With a key file, which opens the store by itself, it asks "
		"nothing.\n",
	.options = options,
	.run = run,
};
