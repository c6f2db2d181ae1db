#include "cli.h"
#include "command.h"
#include "out.h"

enum { OPT_UNDO, OPT_JSON };

static const struct option_spec options[] = {
	[OPT_UNDO] = { "undo", NULL, "unblock" },
	[OPT_JSON] = { "json", NULL, "print the contact as JSON" },
	{ 0 },
};

static int run(struct cli *cli)
{
	json_t *result;
	int code = cli_call(cli, "contact.block",
			    json_pack("{s:s, s:b}", "contact", cli->operand[0],
				      "blocked", !cli->opt[OPT_UNDO]),
			    &result);

	if (code)
		return code;
	if (cli->opt[OPT_JSON])
		out_json(json_object_get(result, "contact"));
	json_decref(result);
	return CODE_OK;
}

const struct command cmd_block = {
	.name = "block",
	.operands = "TO",
	.summary = "block somebody: the relay refuses their messages",
	.min = 1, .max = 1,
	.options = options,
	.run = run,
};
