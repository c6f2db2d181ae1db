#include "cli.h"
#include "command.h"
#include "out.h"

enum { OPT_JSON };

static const struct option_spec options[] = {
	[OPT_JSON] = { "json", NULL, "print the contact as JSON" },
	{ 0 },
};

static int run(struct cli *cli)
{
	json_t *result, *params = json_pack("{s:s, s:s}", "contact",
		cli->operand[0], "name", cli->operand[1]);
	int code;

	code = cli_call(cli, "contact.rename", params, &result);
	if (code)
		return code;
	if (cli->opt[OPT_JSON])
		out_json(json_object_get(result, "contact"));
	json_decref(result);
	return CODE_OK;
}

const struct command cmd_rename = {
	.name = "rename",
	.operands = "TO NAME",
	.summary = "give a contact another name",
	.min = 2, .max = 2,
	.options = options,
	.run = run,
};
