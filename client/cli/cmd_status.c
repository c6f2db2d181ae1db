#include "cli.h"
#include "command.h"
#include "out.h"
#include "sys.h"

enum { OPT_JSON };

static const struct option_spec options[] = {
	[OPT_JSON] = { "json", NULL, "print JSON" },
	{ 0 },
};

static void row(const char *label, const char *text)
{
	char *line = out_line(text);

	if (line[0])
		printf("%-12s%s\n", label, line);
	free(line);
}

static void row_number(const char *label, const json_t *o, const char *name)
{
	const json_t *n = json_object_get(o, name);

	if (json_is_integer(n))
		printf("%-12s%lld\n", label, (long long)json_integer_value(n));
}

static void print_connection(const json_t *c)
{
	const json_t *retry = json_object_get(c, "retry_at");
	char *error = out_line(out_member(c, "error"));
	int64_t left = json_integer_value(retry) -
		(int64_t)sys_wall_ms(&sys_real);

	if (!json_is_object(c))
		goto out;
	printf("%-12s%s", "connection", out_member(c, "state"));
	if (!strcmp(out_member(c, "state"), "online") &&
	    !json_is_true(json_object_get(c, "caught_up")))
		printf(", fetching messages");
	if (error[0])
		printf(": %s", error);
	if (json_is_integer(retry))
		printf(" (again in %lld s)",
		       (long long)(left > 0 ? (left + 999) / 1000 : 0));
	printf("\n");
out:
	free(error);
}

static void print_state(const char *state)
{
	if (!strcmp(state, "new"))
		state = "new: no account yet, make one with 'sotto init'";
	else if (!strcmp(state, "locked"))
		state = "locked: open it with 'sotto unlock'";
	row("state", state);
}

static int run(struct cli *cli)
{
	json_t *s;
	int code = cli_call(cli, "status", NULL, &s);

	if (code)
		return code;
	if (cli->opt[OPT_JSON]) {
		out_json(s);
		goto out;
	}
	row("profile", cli->paths.profile);
	print_state(out_member(s, "state"));
	row("account", out_member(s, "account"));
	row("name", out_member(s, "name"));
	row("relay", out_member(s, "relay"));
	print_connection(json_object_get(s, "connection"));
	row_number("outbox", s, "outbox");
	row_number("contacts", s, "contacts");
	row_number("unread", s, "unread");
	row("key", out_member(s, "vault"));
	row_number("agent pid", s, "pid");
out:
	json_decref(s);
	return CODE_OK;
}

const struct command cmd_status = {
	.name = "status",
	.operands = "",
	.summary = "print the state of account, connection and outbox",
	.options = options,
	.run = run,
};
