#include "command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Sorted by name. */
static const struct command *const commands[] = {
	&cmd_accept, &cmd_add, &cmd_agent, &cmd_block, &cmd_bot, &cmd_config,
	&cmd_contacts, &cmd_export, &cmd_init, &cmd_link, &cmd_lock, &cmd_recv,
	&cmd_remove, &cmd_rename, &cmd_search, &cmd_send, &cmd_status,
	&cmd_stop, &cmd_unlock, &cmd_verify,
};

enum { N_COMMANDS = sizeof(commands) / sizeof(commands[0]), COLUMN = 26 };

static int compare(const void *name, const void *entry)
{
	const struct command *const *c = entry;

	return strcmp(name, (*c)->name);
}

const struct command *command_find(const char *name)
{
	const struct command *const *found = bsearch(name, commands, N_COMMANDS,
		sizeof(commands[0]), compare);

	return found ? *found : NULL;
}

static void option_help(const char *name, const char *arg, const char *help)
{
	int n = printf("  --%s%s%s", name, arg ? " " : "", arg ? arg : "");

	printf("%*s%s\n", n < COLUMN ? COLUMN - n : 1, "", help);
}

void command_help(const struct command *c)
{
	printf("usage: sotto %s [option ...]%s%s\n\n", c->name,
	       c->operands[0] ? " " : "", c->operands);
	printf("%s\n", c->summary);
	if (c->more)
		printf("\n%s", c->more);
	printf("\n");
	for (const struct option_spec *o = c->options; o && o->name; o++)
		option_help(o->name, o->arg, o->help);
	option_help("profile", "NAME", "the account to use (SOTTO_PROFILE)");
	option_help("help", NULL, "print this");
}

void command_list(void)
{
	printf("usage: sotto [--profile NAME] [command [argument ...]]\n\n"
	       "End-to-end encrypted chat in the terminal. Without a command it"
	       " opens the chat.\n\n");
	for (size_t i = 0; i < N_COMMANDS; i++)
		printf("  %-10s %s\n", commands[i]->name, commands[i]->summary);
	printf("\n'sotto COMMAND --help' tells more, and sotto(1) all.\n");
}
