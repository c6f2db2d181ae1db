#include "cli.h"
#include "command.h"

enum { OPT_JSON };

static const struct option_spec options[] = {
	[OPT_JSON] = { "json", NULL, "print the contact as JSON" },
	{ 0 },
};

static int run(struct cli *cli)
{
	return cli_contact(cli, "contact.accept",
			   json_pack("{s:s}", "contact", cli->operand[0]),
			   cli->opt[OPT_JSON]);
}

const struct command cmd_accept = {
	.name = "accept",
	.operands = "TO",
	.summary = "accept somebody's contact request",
	.min = 1, .max = 1,
	.options = options,
	.run = run,
};
