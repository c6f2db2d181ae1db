/* The commands: one const struct and one file each. */
#ifndef SOTTO_COMMAND_H
#define SOTTO_COMMAND_H

struct cli;

struct option_spec {
	const char *name;	/* NULL ends the list */
	const char *arg;	/* its argument's name; NULL: it takes none */
	const char *help;
};

struct command {
	const char *name;
	const char *operands;	/* as in the usage line; "" for none */
	const char *summary;	/* one line, lower case, for the list */
	const char *more;	/* further lines of --help; NULL for none */
	int min, max;		/* operands */
	const struct option_spec *options;	/* NULL for none */
	int (*run)(struct cli *cli);		/* returns the exit code */
};

/* NULL when there is none of this name. */
const struct command *command_find(const char *name);
/* On stdout. */
void command_help(const struct command *c);
void command_list(void);

extern const struct command cmd_accept, cmd_add, cmd_agent, cmd_block, cmd_bot,
	cmd_config, cmd_contacts, cmd_export, cmd_init, cmd_link, cmd_lock,
	cmd_recv, cmd_remove, cmd_rename, cmd_search, cmd_send, cmd_status,
	cmd_stop, cmd_unlock, cmd_verify;

#endif
