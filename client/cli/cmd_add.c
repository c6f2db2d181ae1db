#include "cli.h"
#include "command.h"
#include "out.h"

enum { OPT_NAME, OPT_JSON };

static const struct option_spec options[] = {
	[OPT_NAME] = { "name", "NAME", "what you call them (default: the link's)" },
	[OPT_JSON] = { "json", NULL, "print the contact as JSON" },
	{ 0 },
};

static int run(struct cli *cli)
{
	json_t *result, *contact;
	json_t *params = json_pack("{s:s, s:s*}", "link", cli->operand[0],
				   "name", cli->opt[OPT_NAME]);
	int code;

	code = cli_call(cli, "contact.add", params, &result);
	if (code)
		return code;
	contact = json_object_get(result, "contact");
	if (cli->opt[OPT_JSON]) {
		out_json(contact);
	} else {
		char *name = out_line(out_member(contact, "name"));

		printf("%s\n", name);
		free(name);
	}
	json_decref(result);
	return CODE_OK;
}

const struct command cmd_add = {
	.name = "add",
	.operands = "LINK",
	.summary = "add a contact by their link",
	.more = "Put the link in quotes: the shell takes '#' and '?' for its own."
		" The name that\nthe contact has now is printed.\n",
	.min = 1, .max = 1,
	.options = options,
	.run = run,
};
