#include "cli.h"
#include "command.h"

enum { OPT_UNDO, OPT_JSON };

static const struct option_spec options[] = {
	[OPT_UNDO] = { "undo", NULL, "unblock" },
	[OPT_JSON] = { "json", NULL, "print the contact as JSON" },
	{ 0 },
};

static int run(struct cli *cli)
{
	return cli_contact(cli, "contact.block",
			   json_pack("{s:s, s:b}", "contact", cli->operand[0],
				     "blocked", !cli->opt[OPT_UNDO]),
			   cli->opt[OPT_JSON]);
}

const struct command cmd_block = {
	.name = "block",
	.operands = "TO",
	.summary = "block somebody: the relay refuses their messages",
	.min = 1, .max = 1,
	.options = options,
	.run = run,
};
