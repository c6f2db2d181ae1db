/* The table of the relay's settings, which are options and lines of the file. */
#ifndef SOTTO_SETTINGS_H
#define SOTTO_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

enum { SETTINGS_N = 21 };

struct config;
struct setting;

/* i < SETTINGS_N. */
const struct setting *settings_at(size_t i);
const char *settings_name(const struct setting *s);
/* NULL when there is none of that name. */
const struct setting *settings_find(const char *name);
/* The one that may be given many times. */
bool settings_is_listen(const struct setting *s);
/* Whether a change of it waits for a restart. */
bool settings_wait(const struct setting *s);
bool settings_same(const struct config *a, const struct config *b,
		   const struct setting *s);
/* ERR_USAGE: the config's error tells. */
int settings_set(struct config *c, const struct setting *s,
		 const char *value) must_check;
/* Fills the config's error and returns ERR_USAGE. */
int settings_fail(struct config *c, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

#endif
