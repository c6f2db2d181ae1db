/* The passphrase prompt of a locked account. */
#ifndef SOTTO_UNLOCK_H
#define SOTTO_UNLOCK_H

#include "app.h"

void unlock_begin(struct app *a);
void unlock_key(struct app *a, const struct key *k);
void unlock_text(struct app *a, const char *text, size_t len);
void unlock_paint(struct app *a);
void unlock_end(struct app *a);	/* wipes; also when it was not begun */

#endif
