#include "cli.h"
#include "command.h"
#include "out.h"

enum { OPT_JSON };

static const struct option_spec options[] = {
	[OPT_JSON] = { "json", NULL, "print as JSON" },
	{ 0 },
};

/* A value as a person reads it. */
static void print_value(const json_t *value)
{
	char *text = json_is_string(value) ?
		out_line(json_string_value(value)) :
		json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);

	printf("%s\n", text ? text : "");
	free(text);
}

static int get(struct cli *cli)
{
	json_t *result;
	int code = cli_call(cli, "config.get",
			    json_pack("{s:s}", "name", cli->operand[1]),
			    &result);

	if (code)
		return code;
	if (cli->opt[OPT_JSON])
		out_json(json_object_get(result, "value"));
	else
		print_value(json_object_get(result, "value"));
	json_decref(result);
	return CODE_OK;
}

static int set(struct cli *cli)
{
	return cli_call(cli, "config.set",
			json_pack("{s:s, s:s}", "name", cli->operand[1],
				  "value", cli->operand[2]), NULL);
}

static int list(struct cli *cli)
{
	json_t *result, *setting;
	size_t i;
	int code = cli_call(cli, "config.list", NULL, &result);

	if (code)
		return code;
	json_array_foreach(json_object_get(result, "settings"), i, setting) {
		if (cli->opt[OPT_JSON]) {
			out_json(setting);
			continue;
		}
		printf("%s = ", out_member(setting, "name"));
		print_value(json_object_get(setting, "value"));
	}
	json_decref(result);
	return CODE_OK;
}

static int run(struct cli *cli)
{
	static const struct {
		const char *name;
		int operands;
		int (*run)(struct cli *cli);
	} forms[] = { { "get", 2, get }, { "list", 1, list }, { "set", 3, set } };

	for (size_t i = 0; i < sizeof(forms) / sizeof(forms[0]); i++)
		if (!strcmp(cli->operand[0], forms[i].name) &&
		    cli->n == forms[i].operands)
			return forms[i].run(cli);
	return cli_fail(CODE_USAGE, "config: the forms are 'config list', "
			"'config get NAME' and 'config set NAME VALUE'");
}

const struct command cmd_config = {
	.name = "config",
	.operands = "list | get NAME | set NAME VALUE",
	.summary = "read and change settings",
	.min = 1, .max = 3,
	.options = options,
	.run = run,
};
