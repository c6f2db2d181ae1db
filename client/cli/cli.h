/* What the commands share: options, the connection to the agent, errors. */
#ifndef SOTTO_CLI_H
#define SOTTO_CLI_H

#include <jansson.h>
#include <stdbool.h>

#include "conn.h"
#include "err.h"
#include "paths.h"

enum exit_code {
	CODE_OK = 0,
	CODE_USAGE = 1,
	CODE_UNEXPECTED = 2,
	CODE_NETWORK = 3,
	CODE_IDENTITY = 4,
	CODE_RATE = 5,
	CODE_NOT_FOUND = 6,
	CODE_TIMEOUT = 7,
	CODE_LOCKED = 8,
	CODE_REFUSED = 9,
};

enum { OPTIONS_MAX = 12, CALL_MS = 60000 };

struct command;

struct cli {
	const struct command *command;
	const char *profile;	/* as given; NULL when not */
	struct paths paths;	/* of the profile, once cli_paths was OK */
	struct conn *conn;	/* NULL until cli_connect */
	const char *opt[OPTIONS_MAX];	/* by the command's order: NULL when not
					 * given, "" for one without argument */
	int n;			/* operands */
	char **operand;
};

/* "sotto: " and the text as one line on stderr; returns code. */
int cli_fail(int code, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));
/* One line on stderr that is no error, only when stderr is a terminal. */
void cli_hint(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* Options and operands of cli->command from argv (argv[0] is its name). Returns
 * CODE_OK, CODE_USAGE (said why), or -1 when --help was printed. */
int cli_parse(struct cli *cli, int argc, char **argv);
/* Where the profile's files are; exit code. */
int cli_paths(struct cli *cli);
/* Connects, starting the agent when there is none; exit code. */
int cli_connect(struct cli *cli);
/* Asks the agent and returns an exit code, having said what was wrong. Connects
 * first, and again when the agent dies: the method must be one that may be
 * executed twice. params is stolen; result (new reference) may be NULL.
 * timeout_ms as conn_call. */
int cli_call_within(struct cli *cli, const char *method, json_t *params,
		    int timeout_ms, json_t **result);
/* The same within CALL_MS. */
int cli_call(struct cli *cli, const char *method, json_t *params,
	     json_t **result);
/* Asks for what changes a contact, and prints it when json is not NULL. */
int cli_contact(struct cli *cli, const char *method, json_t *params,
		const char *json);
/* Says what an error answer or a failed conn_* function said; exit code. */
int cli_answer_failed(int ret, const json_t *error);

/* A number of seconds, also broken ones, as milliseconds; false when it is none. */
bool cli_milliseconds(const char *text, int *out);
/* A whole number from min to INT_MAX; false when it is none. */
bool cli_number(const char *text, int min, int *out);
/* Whether text, that a person gave, is UTF-8 without NUL. */
bool cli_is_text(const char *text, size_t len);

#endif
