#include "cli.h"
#include "command.h"

static int run(struct cli *cli)
{
	return cli_call(cli, "contact.remove",
			json_pack("{s:s}", "contact", cli->operand[0]), NULL);
}

const struct command cmd_remove = {
	.name = "remove",
	.operands = "TO",
	.summary = "decline a contact request, or forget a contact",
	.min = 1, .max = 1,
	.run = run,
};
