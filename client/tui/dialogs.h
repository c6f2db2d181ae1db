/* The pages that commands and keys open. */
#ifndef SOTTO_DIALOGS_H
#define SOTTO_DIALOGS_H

#include "app.h"

void dialog_help(struct app *a);
/* One's own link; welcome: right after the account was made. */
void dialog_link(struct app *a, bool welcome);
/* The relay was reached: a link that was waited for can be had now. */
void dialog_online(struct app *a);
/* The safety number with the open conversation, which there is. */
void dialog_verify(struct app *a);
void dialog_search(struct app *a, const char *words);
void dialog_switch(struct app *a);
/* Leaves, after asking when something would be lost. */
void dialog_quit(struct app *a);
/* Asks a question; y runs yes with data. */
void dialog_confirm(struct app *a, const char *title, const char *question,
		    const char *data, void (*yes)(struct app *a, const char *data));

#endif
