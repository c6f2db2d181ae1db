#include <unistd.h>

#include "buf.h"
#include "cli.h"
#include "command.h"
#include "out.h"
#include "qr.h"

enum { OPT_QR, OPT_JSON };
enum { QR_MAX = 256 * 1024 };

static const struct option_spec options[] = {
	[OPT_QR] = { "qr", NULL, "draw it as a QR code too" },
	[OPT_JSON] = { "json", NULL, "print JSON" },
	{ 0 },
};

/* By the variables that setlocale would look at, in its order. */
static bool locale_is_utf8(void)
{
	static const char *const names[] = { "LC_ALL", "LC_CTYPE", "LANG" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		const char *value = getenv(names[i]);

		if (value && value[0])
			return strcasestr(value, "utf-8") ||
				strcasestr(value, "utf8");
	}
	return false;
}

static int print_qr(const char *link)
{
	const char *no_colour = getenv("NO_COLOR");
	bool tty = isatty(STDOUT_FILENO);
	struct buf drawn;
	int ret;

	buf_init(&drawn, QR_MAX);
	ret = qr_draw(link, locale_is_utf8(),
		      tty && !(no_colour && no_colour[0]), &drawn);
	if (!ret)
		fwrite(drawn.data, 1, drawn.len, stdout);
	buf_finish(&drawn);
	return ret ? cli_fail(CODE_UNEXPECTED, "the link is too long for a QR "
			      "code") : CODE_OK;
}

static int run(struct cli *cli)
{
	json_t *result;
	const char *link;
	int code;

	if (cli->opt[OPT_QR] && cli->opt[OPT_JSON])
		return cli_fail(CODE_USAGE, "link: --qr or --json, not both");
	code = cli_call(cli, "link.get", NULL, &result);
	if (code)
		return code;
	link = out_member(result, "link");
	if (cli->opt[OPT_JSON])
		out_json(result);
	else if (cli->opt[OPT_QR])
		code = print_qr(link);
	if (!cli->opt[OPT_JSON])
		printf("%s\n", link);
	json_decref(result);
	return code;
}

const struct command cmd_link = {
	.name = "link",
	.operands = "",
	.summary = "print your contact link, which lets others write to you",
	.options = options,
	.run = run,
};
