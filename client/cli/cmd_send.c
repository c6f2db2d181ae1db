#include <errno.h>
#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "command.h"
#include "out.h"
#include "sys.h"

enum { OPT_WAIT, OPT_TIMEOUT, OPT_KEY, OPT_JSON };
enum { TEXT_MAX = 30000, KEY_BYTES = 16, ANSWER_MS = 5000 };

static const struct option_spec options[] = {
	[OPT_WAIT] = { "wait", "STATE", "until it is sent, delivered or read" },
	[OPT_TIMEOUT] = { "timeout", "S", "wait at most S seconds, then exit 7" },
	[OPT_KEY] = { "key", "KEY", "send once, however often this is run" },
	[OPT_JSON] = { "json", NULL, "print the message's id as JSON" },
	{ 0 },
};

/* All of stdin but one final newline. */
static int read_stdin(struct buf *text)
{
	char chunk[4096];
	ssize_t n;

	while ((n = read(STDIN_FILENO, chunk, sizeof(chunk))) != 0) {
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cli_fail(CODE_UNEXPECTED, "send: cannot read the "
					"input: %s", strerror(errno));
		if (buf_append(text, chunk, (size_t)n))
			break;	/* check_text says it */
	}
	if (n > 0)
		return cli_fail(CODE_USAGE, "send: the input is over %d bytes",
				TEXT_MAX);
	if (text->len && text->data[text->len - 1] == '\n')
		text->len--;
	return CODE_OK;
}

static int read_text(const struct cli *cli, struct buf *text)
{
	int code = CODE_OK;

	if (cli->n == 1)
		code = read_stdin(text);
	else if (buf_append(text, cli->operand[1], strlen(cli->operand[1])))
		return cli_fail(CODE_USAGE, "send: the text is over %d bytes",
				TEXT_MAX);
	if (code)
		return code;
	if (!text->len)
		return cli_fail(CODE_USAGE, "send: there is no text");
	if (text->len > TEXT_MAX)
		return cli_fail(CODE_USAGE, "send: the text is over %d bytes",
				TEXT_MAX);
	if (!cli_is_text((const char *)text->data, text->len))
		return cli_fail(CODE_USAGE, "send: the text is not UTF-8");
	return CODE_OK;
}

/* The message's own key: the agent may die between the request and its answer,
 * and then the request is repeated. */
static void random_key(char out[static 2 * KEY_BYTES + 1])
{
	uint8_t bytes[KEY_BYTES];

	sys_random(&sys_real, bytes, sizeof(bytes));
	for (size_t i = 0; i < sizeof(bytes); i++)
		snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static int send_text(struct cli *cli, const struct buf *text, json_t **result)
{
	char key[2 * KEY_BYTES + 1];
	const char *given = cli->opt[OPT_KEY];

	random_key(key);
	return cli_call(cli, "message.send",
			json_pack("{s:s, s:s%, s:s}", "to", cli->operand[0],
				  "text", (const char *)text->data, text->len,
				  "key", given ? given : key),
			result);
}

static int wait_state(struct cli *cli, const char *id, int64_t deadline)
{
	json_t *params = json_pack("{s:s, s:s}", "id", id, "state",
				   cli->opt[OPT_WAIT]);
	int timeout = -1;

	if (deadline >= 0) {
		int64_t left = deadline - (int64_t)sys_mono_ms(&sys_real);

		left = left < 0 ? 0 : left;
		json_object_set_new(params, "timeout_ms", json_integer(left));
		timeout = (int)left + ANSWER_MS;
	}
	return cli_call_within(cli, "message.wait", params, timeout, NULL);
}

static int check_options(const struct cli *cli, int64_t *deadline)
{
	const char *wait = cli->opt[OPT_WAIT], *time = cli->opt[OPT_TIMEOUT];
	int ms;

	if (wait && strcmp(wait, "sent") && strcmp(wait, "delivered") &&
	    strcmp(wait, "read"))
		return cli_fail(CODE_USAGE, "send: --wait takes sent, delivered "
				"or read");
	if (time && !wait)
		return cli_fail(CODE_USAGE, "send: --timeout goes with --wait");
	if (time && !cli_milliseconds(time, &ms))
		return cli_fail(CODE_USAGE, "send: --timeout takes seconds");
	*deadline = time ? (int64_t)sys_mono_ms(&sys_real) + ms : -1;
	return CODE_OK;
}

static int run(struct cli *cli)
{
	struct buf text;
	json_t *result = NULL;
	int64_t deadline = -1;
	int code = check_options(cli, &deadline);

	buf_init(&text, TEXT_MAX + 1);
	if (!code)
		code = read_text(cli, &text);
	if (!code)
		code = send_text(cli, &text, &result);
	if (!code && cli->opt[OPT_JSON]) {
		out_json(result);
		fflush(stdout);	/* before a wait that may be long */
	}
	if (!code && cli->opt[OPT_WAIT])
		code = wait_state(cli, out_member(result, "id"), deadline);
	json_decref(result);
	buf_finish(&text);
	return code;
}

const struct command cmd_send = {
	.name = "send",
	.operands = "TO [TEXT]",
	.summary = "send TEXT, or standard input",
	.more = "Without --wait it ends when the message is durable in the "
		"outbox. A TEXT that\nbegins with '-' goes behind '--'.\n",
	.min = 1, .max = 2,
	.options = options,
	.run = run,
};
