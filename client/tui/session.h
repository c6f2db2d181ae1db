/* The account as the agent has it: new, locked or open, and what is due when. */
#ifndef SOTTO_SESSION_H
#define SOTTO_SESSION_H

#include "app.h"

/* Begins to connect to the agent of paths, which stay the caller's. */
void session_start(struct app *a, const struct paths *paths);
void session_end(struct app *a);
/* Everything that is due. */
void session_tick(struct app *a);
/* The mono ms of what is due next; -1: nothing. */
int64_t session_deadline(const struct app *a);

#endif
