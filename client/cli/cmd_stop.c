#include <poll.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "cli.h"
#include "command.h"

enum { STOP_MS = 15000 };

/* The process to wait for, so that whoever starts an agent next finds no half
 * dead one; -1 when the agent does not tell. */
static int agent_pidfd(struct conn *conn)
{
	json_t *result = NULL;
	int fd = -1;

	if (!conn_call(conn, "status", NULL, CALL_MS, &result, NULL))
		fd = pidfd_open((pid_t)json_integer_value(
			json_object_get(result, "pid")), 0);
	json_decref(result);
	return fd;
}

static int run(struct cli *cli)
{
	char why[START_WHY_MAX];
	json_t *error = NULL;
	struct pollfd p = { .events = POLLIN };
	int ret, code = cli_paths(cli);

	if (code)
		return code;
	ret = conn_open(&cli->paths, false, &cli->conn, why);
	if (ret == ERR_NOT_FOUND)
		return CODE_OK;	/* none runs: as asked */
	if (ret)
		return cli_fail(CODE_UNEXPECTED, "%s", why);
	p.fd = agent_pidfd(cli->conn);
	ret = conn_call(cli->conn, "agent.stop", NULL, CALL_MS, NULL, &error);
	if (ret && ret != ERR_NETWORK)	/* gone already is stopped */
		code = cli_answer_failed(ret, error);
	else if (p.fd >= 0 && poll(&p, 1, STOP_MS) == 0)
		code = cli_fail(CODE_TIMEOUT, "the agent has not ended within "
				"%d seconds", STOP_MS / 1000);
	json_decref(error);
	if (p.fd >= 0)
		close(p.fd);
	return code;
}

const struct command cmd_stop = {
	.name = "stop",
	.operands = "",
	.summary = "stop the agent and wait until it has ended",
	.run = run,
};
