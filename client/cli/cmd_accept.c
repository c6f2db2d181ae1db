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
	json_t *result;
	int code = cli_call(cli, "contact.accept",
			    json_pack("{s:s}", "contact", cli->operand[0]),
			    &result);

	if (code)
		return code;
	if (cli->opt[OPT_JSON])
		out_json(json_object_get(result, "contact"));
	json_decref(result);
	return CODE_OK;
}

const struct command cmd_accept = {
	.name = "accept",
	.operands = "TO",
	.summary = "accept somebody's contact request",
	.min = 1, .max = 1,
	.options = options,
	.run = run,
};
