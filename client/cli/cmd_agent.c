#include <errno.h>
#include <unistd.h>

#include "cli.h"
#include "command.h"

enum { OPT_FOREGROUND };

static const struct option_spec options[] = {
	[OPT_FOREGROUND] = { "foreground", NULL, "stay, for a service manager" },
	{ 0 },
};

static int run(struct cli *cli)
{
	char *program = paths_program("sotto-agent");
	int code = cli_paths(cli);

	if (!code && !program)
		code = cli_fail(CODE_UNEXPECTED,
				"the program sotto-agent is not installed");
	if (code)
		goto out;
	execl(program, "sotto-agent", "--profile", cli->paths.profile,
	      cli->opt[OPT_FOREGROUND] ? "--foreground" : (char *)NULL,
	      (char *)NULL);
	code = cli_fail(CODE_UNEXPECTED, "%s: %s", program, strerror(errno));
out:
	free(program);
	return code;
}

const struct command cmd_agent = {
	.name = "agent",
	.operands = "",
	.summary = "start the agent, which keeps the account and its connections",
	.more = "Every command starts it when there is none.\n",
	.options = options,
	.run = run,
};
