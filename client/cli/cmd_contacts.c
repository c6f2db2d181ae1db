#include "cli.h"
#include "command.h"
#include "out.h"

enum { OPT_JSON };

static const struct option_spec options[] = {
	[OPT_JSON] = { "json", NULL, "print JSON, a contact a line" },
	{ 0 },
};

static void print_contact(const json_t *c, int width)
{
	const json_t *unread = json_object_get(c, "unread");

	out_column(out_member(c, "name"), width);
	out_column(out_member(c, "account"), 32);
	printf("%s%s", out_member(c, "state"), json_is_true(json_object_get(c, "verified")) ?
	       " verified" : "");
	if (out_member(c, "alert")[0])
		printf(" ALERT:%s", out_member(c, "alert"));
	if (out_member(c, "trouble")[0])
		printf(" (%s)", out_member(c, "trouble"));
	if (json_integer_value(unread) > 0)
		printf(" %lld unread", (long long)json_integer_value(unread));
	printf("\n");
}

static int run(struct cli *cli)
{
	json_t *result, *contacts, *contact;
	int code = cli_call(cli, "contact.list", NULL, &result), width = 0;
	size_t i;

	if (code)
		return code;
	contacts = json_object_get(result, "contacts");
	json_array_foreach(contacts, i, contact) {
		int w = out_width(out_member(contact, "name"));

		width = w > width ? w : width;
	}
	json_array_foreach(contacts, i, contact) {
		if (cli->opt[OPT_JSON])
			out_json(contact);
		else
			print_contact(contact, width);
	}
	json_decref(result);
	return CODE_OK;
}

const struct command cmd_contacts = {
	.name = "contacts",
	.operands = "",
	.summary = "list contacts and contact requests",
	.options = options,
	.run = run,
};
