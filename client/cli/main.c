/* sotto: the command line. Without a command it becomes the terminal program. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

#include "cli.h"
#include "command.h"

#define VERSION "0.1"

enum { OPTION_HELP = 256, OPTION_PROFILE, OPTION_VERSION };

static const struct option options[] = {
	{ "help", no_argument, NULL, OPTION_HELP },
	{ "profile", required_argument, NULL, OPTION_PROFILE },
	{ "version", no_argument, NULL, OPTION_VERSION },
	{ 0 },
};

static int open_tui(struct cli *cli)
{
	char *program = paths_program("sotto-tui");
	int code = cli_paths(cli);

	if (code)
		goto out;
	if (!program) {
		code = cli_fail(CODE_UNEXPECTED,
				"the program sotto-tui is not installed");
		goto out;
	}
	execl(program, "sotto-tui", "--profile", cli->paths.profile,
	      (char *)NULL);
	code = cli_fail(CODE_UNEXPECTED, "%s: %s", program, strerror(errno));
out:
	free(program);
	return code;
}

/* 'sotto help', 'sotto help COMMAND'. */
static int help(int argc, char **argv)
{
	const struct command *c;

	if (argc < 2) {
		command_list();
		return CODE_OK;
	}
	c = command_find(argv[1]);
	if (!c)
		return cli_fail(CODE_USAGE, "there is no command '%s'; see "
				"'sotto --help'", argv[1]);
	command_help(c);
	return CODE_OK;
}

static int run_command(struct cli *cli, int argc, char **argv)
{
	int code;

	if (!strcmp(argv[0], "help"))
		return help(argc, argv);
	cli->command = command_find(argv[0]);
	if (!cli->command)
		return cli_fail(CODE_USAGE, "there is no command '%s'; see "
				"'sotto --help'", argv[0]);
	code = cli_parse(cli, argc, argv);
	if (code)
		return code < 0 ? CODE_OK : code;
	return cli->command->run(cli);
}

static int run(struct cli *cli, int argc, char **argv)
{
	int id;

	opterr = 0;
	while ((id = getopt_long(argc, argv, "+:h", options, NULL)) != -1) {
		switch (id) {
		case 'h':
		case OPTION_HELP:
			command_list();
			return CODE_OK;
		case OPTION_VERSION:
			puts("sotto " VERSION);
			return CODE_OK;
		case OPTION_PROFILE:
			cli->profile = optarg;
			break;
		default:
			return cli_fail(CODE_USAGE, "%s %s; see 'sotto --help'",
					id == ':' ? "a value is missing after" :
					"there is no option", argv[optind - 1]);
		}
	}
	if (optind == argc)
		return open_tui(cli);
	return run_command(cli, argc - optind, argv + optind);
}

int main(int argc, char **argv)
{
	struct cli cli = {0};
	int code = run(&cli, argc, argv);

	conn_close(cli.conn);
	paths_finish(&cli.paths);
	if ((fflush(stdout) || ferror(stdout)) && code == CODE_OK)
		code = cli_fail(CODE_UNEXPECTED, "cannot write the output: %s",
				strerror(errno));
	return code;
}
