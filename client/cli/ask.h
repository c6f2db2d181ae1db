/* Asking the person at the terminal. */
#ifndef SOTTO_ASK_H
#define SOTTO_ASK_H

#include <stdbool.h>
#include <stddef.h>

#include "err.h"
#include "secret.h"

/* Whether there is somebody to ask: standard input is a terminal. */
bool ask_possible(void);
/* Shows prompt and reads a line of at most size - 1 bytes, without its newline.
 * ERR_NOT_FOUND at the end of input, ERR_TOO_BIG. A signal that comes meanwhile
 * ends the process, with the terminal as it was. */
int ask_line(const char *prompt, char *out, size_t size) must_check;
/* The same without echo, at most PASSPHRASE_MAX bytes; an empty line is a secret of
 * length 0. */
int ask_secret(const char *prompt, struct secret **out) must_check;
/* Shows text to the person, not on stdout. */
void ask_show(const char *text);
/* Asks until the answer is "yes"; ERR_NOT_FOUND at the end of
 * input. */
int ask_yes(const char *prompt) must_check;

#endif
