/* Settings: sotto.conf, an INI file without sections, read and rewritten. */
#ifndef SOTTO_CONFIG_H
#define SOTTO_CONFIG_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum { CONFIG_VALUE_MAX = 1024 };

struct config;

struct config_item {
	const char *name;
	const char *fallback;
	const char *help;
	bool read_only;
	/* NULL when the value is good, else one sentence. */
	const char *(*check)(const char *value);
};

/* The table, sorted by name; *n its length. */
const struct config_item *config_items(size_t *n);

/* Reads the file; one that is not there gives the defaults. Lines that do not
 * parse and unknown names are logged and kept out. ERR_SYSTEM when it cannot be
 * read. */
int config_load(const char *path, struct config **out) must_check;
void config_destroy(struct config *c);	/* takes NULL */

/* The value, or the default; NULL for an unknown name. */
const char *config_get(const struct config *c, const char *name);
bool config_on(const struct config *c, const char *name);
long config_number(const struct config *c, const char *name);
/* Sets and rewrites the file (temporary file, fsync, rename), read-only names
 * too. Comments in the file are kept. ERR_NOT_FOUND; ERR_USAGE with *why;
 * ERR_NO_SPACE, ERR_SYSTEM when the file cannot be written. */
int config_set(struct config *c, const char *name, const char *value,
	       const char **why) must_check;

#endif
