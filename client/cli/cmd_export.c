#include "cli.h"
#include "command.h"
#include "out.h"

enum { OPT_JSON };
enum { PAGE = 500 };

static const struct option_spec options[] = {
	[OPT_JSON] = { "json", NULL, "print JSON, a message a line" },
	{ 0 },
};

/* A page of chat before or after a message (id NULL: the newest page). */
static int fetch(struct cli *cli, const char *chat, const char *side,
		 const char *id, json_t **page)
{
	json_t *params = json_pack("{s:s, s:i}", "chat", chat, "limit", PAGE);

	if (id)
		json_object_set_new(params, side, json_string(id));
	return cli_call(cli, "chat.history", params, page);
}

static const char *edge_id(const json_t *page, bool last)
{
	const json_t *messages = json_object_get(page, "messages");
	size_t n = json_array_size(messages);

	return n ? out_member(json_array_get(messages, last ? n - 1 : 0), "id") :
		NULL;
}

static bool has_more(const json_t *page)
{
	return json_is_true(json_object_get(page, "more"));
}

/* The oldest page. The API pages from the newest message back, so it is walked
 * there, holding one page. */
static int fetch_oldest(struct cli *cli, const char *chat, json_t **out)
{
	json_t *page, *before;
	int code = fetch(cli, chat, NULL, NULL, &page);

	if (code)
		return code;
	while (has_more(page) && edge_id(page, false)) {
		code = fetch(cli, chat, "before", edge_id(page, false), &before);
		json_decref(page);
		if (code)
			return code;
		page = before;
	}
	*out = page;
	return CODE_OK;
}

static void print_page(const struct cli *cli, const json_t *page)
{
	json_t *message;
	size_t i;

	json_array_foreach(json_object_get(page, "messages"), i, message) {
		if (cli->opt[OPT_JSON])
			out_json(message);
		else
			out_message_object(message);
	}
}

static int export_chat(struct cli *cli, const char *chat)
{
	json_t *page, *next;
	int code = fetch_oldest(cli, chat, &page);

	if (code)
		return code;
	print_page(cli, page);
	while (edge_id(page, true)) {
		code = fetch(cli, chat, "after", edge_id(page, true), &next);
		if (code)
			break;
		json_decref(page);
		page = next;
		print_page(cli, page);
		if (!has_more(page))
			break;
	}
	json_decref(page);
	return code;
}

static int export_all(struct cli *cli)
{
	json_t *result, *chat;
	size_t i;
	int code = cli_call(cli, "chat.list", NULL, &result);

	if (code)
		return code;
	json_array_foreach(json_object_get(result, "chats"), i, chat) {
		if (!cli->opt[OPT_JSON]) {
			char *name = out_line(out_member(chat, "name"));

			printf("%s# %s (%s)\n", i ? "\n" : "", name,
			       out_member(chat, "chat"));
			free(name);
		}
		code = export_chat(cli, out_member(chat, "chat"));
		if (code)
			break;
	}
	json_decref(result);
	return code;
}

static int run(struct cli *cli)
{
	return cli->n ? export_chat(cli, cli->operand[0]) : export_all(cli);
}

const struct command cmd_export = {
	.name = "export",
	.operands = "[TO]",
	.summary = "print the history, oldest message first",
	.max = 1,
	.options = options,
	.run = run,
};
