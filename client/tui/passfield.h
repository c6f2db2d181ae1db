/* A passphrase while it is typed: locked memory, wiped, never drawn. */
#ifndef SOTTO_PASSFIELD_H
#define SOTTO_PASSFIELD_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"

struct passfield;

struct passfield *passfield_create(void) must_check;
void passfield_destroy(struct passfield *p);	/* wipes; takes NULL */
/* Control characters are left out; beyond PASSPHRASE_MAX it is cut. */
void passfield_add(struct passfield *p, const char *text, size_t len);
void passfield_back(struct passfield *p);	/* one character */
void passfield_clear(struct passfield *p);
size_t passfield_chars(const struct passfield *p);
bool passfield_equal(const struct passfield *a, const struct passfield *b);
/* The reading end of a pipe that holds the passphrase, for the agent. ERR_SYSTEM. */
int passfield_pipe(const struct passfield *p, int *fd) must_check;

#endif
