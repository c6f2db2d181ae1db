#include "cli.h"
#include "command.h"

enum { OPT_JSON };

static const struct option_spec options[] = {
	[OPT_JSON] = { "json", NULL, "print the contact as JSON" },
	{ 0 },
};

static int run(struct cli *cli)
{
	return cli_contact(cli, "contact.rename",
			   json_pack("{s:s, s:s}", "contact", cli->operand[0],
				     "name", cli->operand[1]),
			   cli->opt[OPT_JSON]);
}

const struct command cmd_rename = {
	.name = "rename",
	.operands = "TO NAME",
	.summary = "give a contact another name",
	.min = 2, .max = 2,
	.options = options,
	.run = run,
};
