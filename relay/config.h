/* The relay's settings: command line first, then the file, then defaults. */
#ifndef SOTTO_CONFIG_H
#define SOTTO_CONFIG_H

#include <stdbool.h>
#include <stdio.h>

#include "core.h"
#include "err.h"
#include "listen.h"
#include "log.h"
#include "store.h"
#include "ws.h"

enum { CONFIG_LISTEN_MAX = 16, CONFIG_ERROR_MAX = 512 };

enum config_command {
	CONFIG_RUN, CONFIG_CHECK, CONFIG_HELP, CONFIG_VERSION,
};

struct config {
	enum config_command command;
	char *file;
	struct listen_address listen[CONFIG_LISTEN_MAX];
	size_t n_listen;
	char *data, *tls_cert, *tls_key, *name;
	enum log_level log_level;
	struct core_settings core;
	struct store_settings store;
	struct ws_settings ws;
	char error[CONFIG_ERROR_MAX];	/* one sentence that says what to do */
};

/* Reads argv and the file it names, and checks that the settings go together;
 * looks at no other file. core, store and ws point into c afterwards.
 * ERR_USAGE: c->error tells. Finish it in any case. */
int config_load(struct config *c, int argc, char **argv) must_check;
void config_finish(struct config *c);
/* Options and settings, one a line. */
void config_help(FILE *out);

#endif
