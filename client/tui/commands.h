/* What one types after a slash. */
#ifndef SOTTO_COMMANDS_H
#define SOTTO_COMMANDS_H

#include "app.h"

/* Runs "/name arguments". False when it could not run: the text should stay in
 * the editor; a notice says why. */
bool command_run(struct app *a, const char *line) must_check;
/* Completes the word before the cursor; whether it did. */
bool command_complete(struct app *a);
/* Of the open conversation, which there is. */
void command_accept(struct app *a);
void command_decline(struct app *a);
void command_block(struct app *a);

#endif
