#include "cli.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdarg.h>
#include <unistd.h>

#include "buf.h"
#include "command.h"
#include "out.h"
#include "text.h"

enum { TRIES = 8, OPTION_HELP = 256, OPTION_PROFILE, OPTION_FIRST };

static __attribute__((format(printf, 2, 0)))
void vsay(const char *prefix, const char *fmt, va_list ap)
{
	char *text, *line;

	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	line = text_printable_str(text, TEXT_LINE);
	fflush(stdout);
	fprintf(stderr, "%s%s\n", prefix, line);
	free(line);
	free(text);
}

int cli_fail(int code, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsay("sotto: ", fmt, ap);
	va_end(ap);
	return code;
}

void cli_hint(const char *fmt, ...)
{
	va_list ap;

	if (!isatty(STDERR_FILENO))
		return;
	va_start(ap, fmt);
	vsay("", fmt, ap);
	va_end(ap);
}

/* getopt_long's table from the command's; returns the number of its options. */
static int make_table(const struct command *c,
		      struct option table[static OPTIONS_MAX + 3])
{
	int n = 0;

	for (const struct option_spec *o = c->options; o && o->name; o++, n++) {
		if (n == OPTIONS_MAX)
			abort();
		table[n] = (struct option){ o->name,
			o->arg ? required_argument : no_argument, NULL,
			OPTION_FIRST + n };
	}
	table[n] = (struct option){ "help", no_argument, NULL, OPTION_HELP };
	table[n + 1] = (struct option){ "profile", required_argument, NULL,
		OPTION_PROFILE };
	table[n + 2] = (struct option){0};
	return n;
}

static int bad_option(const struct cli *cli, int why, const char *given)
{
	const char *name = cli->command->name;
	const char letter[] = { '-', (char)optopt, '\0' };

	if (optopt > 0 && optopt < OPTION_HELP)	/* not a long one */
		given = letter;

	if (why == ':')
		return cli_fail(CODE_USAGE, "%s: %s needs a value; see 'sotto "
				"%s --help'", name, given, name);
	return cli_fail(CODE_USAGE, "%s: there is no option %s; see 'sotto %s "
			"--help' ('--' ends the options)", name, given, name);
}

static int check_operands(const struct cli *cli)
{
	const struct command *c = cli->command;

	if (cli->n >= c->min && (c->max < 0 || cli->n <= c->max))
		return CODE_OK;
	if (cli->n > c->max && c->max >= 0)
		return cli_fail(CODE_USAGE, "%s: too many arguments, from '%s' "
				"on; quote what belongs together (usage: sotto "
				"%s%s%s)", c->name, cli->operand[c->max],
				c->name, c->operands[0] ? " " : "", c->operands);
	return cli_fail(CODE_USAGE, "%s: too few arguments (usage: sotto %s %s)",
			c->name, c->name, c->operands);
}

/* All arguments go into JSON: what is no UTF-8 is refused here, once. */
static int check_text(int argc, char **argv)
{
	for (int i = 1; i < argc; i++)
		if (!cli_is_text(argv[i], strlen(argv[i])))
			return cli_fail(CODE_USAGE, "%s: argument %d is not "
					"UTF-8", argv[0], i);
	return CODE_OK;
}

int cli_parse(struct cli *cli, int argc, char **argv)
{
	struct option table[OPTIONS_MAX + 3];
	int n = make_table(cli->command, table);
	int id;

	optind = 0;	/* glibc: begin anew */
	while ((id = getopt_long(argc, argv, ":h", table, NULL)) != -1) {
		if (id == OPTION_HELP || id == 'h') {
			command_help(cli->command);
			return -1;
		}
		if (id == OPTION_PROFILE)
			cli->profile = optarg;
		else if (id >= OPTION_FIRST && id < OPTION_FIRST + n)
			cli->opt[id - OPTION_FIRST] = optarg ? optarg : "";
		else
			return bad_option(cli, id, argv[optind - 1]);
	}
	cli->n = argc - optind;
	cli->operand = argv + optind;
	id = check_text(argc, argv);
	return id ? id : check_operands(cli);
}

int cli_paths(struct cli *cli)
{
	int ret;

	if (cli->paths.profile)
		return CODE_OK;
	ret = paths_init(&cli->paths, cli->profile);
	if (ret == ERR_USAGE)
		return cli_fail(CODE_USAGE, "a profile's name is 1 to 64 of "
				"letters, digits, '_' and '-'");
	if (ret)
		return cli_fail(CODE_UNEXPECTED,
				"HOME is not set; set it or SOTTO_HOME");
	return CODE_OK;
}

int cli_connect(struct cli *cli)
{
	char why[START_WHY_MAX] = "";
	int ret;

	if (cli->conn)
		return CODE_OK;
	ret = cli_paths(cli);
	if (ret)
		return ret;
	ret = conn_open(&cli->paths, true, &cli->conn, why);
	if (ret)
		return cli_fail(ret == ERR_LOCKED ? CODE_LOCKED :
				CODE_UNEXPECTED, "%s", why);
	return CODE_OK;
}

/* The exit code for a code of JSON-RPC: ours are positive, see the API. */
static int code_of(json_int_t code)
{
	if (code >= CODE_USAGE && code <= CODE_REFUSED)
		return (int)code;
	return code == -32602 ? CODE_USAGE : CODE_UNEXPECTED;
}

int cli_answer_failed(int ret, const json_t *error)
{
	const json_t *code = json_object_get(error, "code");
	const char *message = json_string_value(
		json_object_get(error, "message"));

	switch (ret) {
	case ERR_REFUSED:
		return cli_fail(code_of(json_integer_value(code)), "%s",
				message ? message : "the agent refused");
	case ERR_TIMEOUT:
		return cli_fail(CODE_TIMEOUT, "the agent did not answer in time");
	case ERR_NETWORK:
		return cli_fail(CODE_UNEXPECTED, "the agent ended before it had "
				"answered; try again");
	case ERR_TOO_BIG:
		return cli_fail(CODE_USAGE, "that is too long");
	default:
		return cli_fail(CODE_UNEXPECTED, "%s", err_text(ret));
	}
}

int cli_call_within(struct cli *cli, const char *method, json_t *params,
		    int timeout_ms, json_t **result)
{
	json_t *error = NULL, *answer = NULL;
	int ret = ERR_NETWORK, code;

	for (int i = 0; ret == ERR_NETWORK && i < TRIES; i++) {
		code = cli_connect(cli);
		if (code) {
			json_decref(params);
			return code;
		}
		ret = conn_call(cli->conn, method, json_incref(params),
				timeout_ms, &answer, &error);
		if (ret == ERR_NETWORK) {
			conn_close(cli->conn);
			cli->conn = NULL;
		}
	}
	json_decref(params);
	code = ret ? cli_answer_failed(ret, error) : CODE_OK;
	json_decref(error);
	if (!ret && result)
		*result = answer;
	else
		json_decref(answer);
	return code;
}

int cli_call(struct cli *cli, const char *method, json_t *params,
	     json_t **result)
{
	return cli_call_within(cli, method, params, CALL_MS, result);
}

int cli_contact(struct cli *cli, const char *method, json_t *params,
		const char *json)
{
	json_t *result;
	int code = cli_call(cli, method, params, &result);

	if (code)
		return code;
	if (json)
		out_json(json_object_get(result, "contact"));
	json_decref(result);
	return CODE_OK;
}

bool cli_milliseconds(const char *text, int *out)
{
	char *end;
	double seconds;

	errno = 0;
	seconds = strtod(text, &end);
	if (end == text || *end || errno || !(seconds >= 0) ||
	    seconds > INT_MAX / 1000.0 - 1)
		return false;
	*out = (int)(seconds * 1000.0 + 0.5);
	return true;
}

bool cli_number(const char *text, int min, int *out)
{
	char *end;
	long n;

	errno = 0;
	n = strtol(text, &end, 10);
	if (end == text || *end || errno || n < min || n > INT_MAX)
		return false;
	*out = (int)n;
	return true;
}

bool cli_is_text(const char *text, size_t len)
{
	json_t *s;

	if (memchr(text, '\0', len))
		return false;
	s = json_stringn(text, len);
	json_decref(s);
	return s != NULL;
}
