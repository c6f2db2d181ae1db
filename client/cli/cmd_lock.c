#include "cli.h"
#include "command.h"

static int run(struct cli *cli)
{
	return cli_call(cli, "account.lock", NULL, NULL);
}

const struct command cmd_lock = {
	.name = "lock",
	.operands = "",
	.summary = "make the agent forget the keys until 'sotto unlock'",
	.run = run,
};
