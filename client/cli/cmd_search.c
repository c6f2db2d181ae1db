#include "buf.h"
#include "cli.h"
#include "command.h"
#include "out.h"

enum { OPT_IN, OPT_LIMIT, OPT_JSON };

static const struct option_spec options[] = {
	[OPT_IN] = { "in", "TO", "only in the conversation with TO" },
	[OPT_LIMIT] = { "limit", "N", "at most N messages" },
	[OPT_JSON] = { "json", NULL, "print JSON, a message a line" },
	{ 0 },
};

static json_t *join_words(const struct cli *cli)
{
	struct buf words;
	json_t *joined;

	buf_init(&words, SIZE_MAX / 2);
	for (int i = 0; i < cli->n; i++)
		if (buf_appendf(&words, "%s%s", i ? " " : "", cli->operand[i]))
			abort();
	joined = json_stringn((char *)words.data, words.len);
	buf_finish(&words);
	return joined;
}

static int run(struct cli *cli)
{
	json_t *result, *message, *params;
	const char *limit = cli->opt[OPT_LIMIT];
	size_t i;
	int code, n = 0;

	if (limit && !cli_number(limit, 1, &n))
		return cli_fail(CODE_USAGE, "search: --limit takes a number "
				"from 1 on");
	params = json_pack("{s:o}", "words", join_words(cli));
	if (limit)
		json_object_set_new(params, "limit", json_integer(n));
	if (cli->opt[OPT_IN])
		json_object_set_new(params, "chat",
				    json_string(cli->opt[OPT_IN]));
	code = cli_call(cli, "message.search", params, &result);
	if (code)
		return code;
	json_array_foreach(json_object_get(result, "messages"), i, message) {
		if (cli->opt[OPT_JSON])
			out_json(message);
		else
			out_message_object(message);
	}
	json_decref(result);
	return CODE_OK;
}

const struct command cmd_search = {
	.name = "search",
	.operands = "WORDS ...",
	.summary = "find messages that contain all the words, newest first",
	.more = "A word that ends in '*' finds its continuations (quote it).\n",
	.min = 1, .max = -1,
	.options = options,
	.run = run,
};
