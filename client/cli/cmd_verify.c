#include "cli.h"
#include "command.h"
#include "out.h"

enum { OPT_YES, OPT_NO, OPT_JSON };

static const struct option_spec options[] = {
	[OPT_YES] = { "yes", NULL, "mark it as compared: it was the same" },
	[OPT_NO] = { "no", NULL, "take the mark away" },
	[OPT_JSON] = { "json", NULL, "print JSON" },
	{ 0 },
};

static int run(struct cli *cli)
{
	bool yes = cli->opt[OPT_YES], no = cli->opt[OPT_NO];
	json_t *result, *params;
	int code;

	if (yes && no)
		return cli_fail(CODE_USAGE, "verify: --yes or --no, not both");
	params = json_pack("{s:s}", "contact", cli->operand[0]);
	if (yes || no)
		json_object_set_new(params, "verified", json_boolean(yes));
	code = cli_call(cli, "contact.verify", params, &result);
	if (code)
		return code;
	if (cli->opt[OPT_JSON]) {
		out_json(result);
	} else {
		printf("%s\n%s\n", out_member(result, "safety_number"),
		       json_is_true(json_object_get(result, "verified")) ?
		       "verified" : "not verified");
	}
	json_decref(result);
	return CODE_OK;
}

const struct command cmd_verify = {
	.name = "verify",
	.operands = "TO",
	.summary = "print the safety number of you two, and mark it as compared",
	.more = "Compare the number in person or by phone: both of you see the "
		"same one. Then run\nit again with --yes.\n",
	.min = 1, .max = 1,
	.options = options,
	.run = run,
};
