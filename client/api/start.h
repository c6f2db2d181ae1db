/* Finding the agent's socket, and starting the agent when nobody listens there. */
#ifndef SOTTO_START_H
#define SOTTO_START_H

#include <stdbool.h>

#include "conn.h"
#include "err.h"
#include "paths.h"

/* A connected non-blocking socket; arguments and errors as conn_open_why. */
int start_connect(const struct paths *p, bool start, int *out,
		  char why[static CONN_WHY_MAX]) must_check;

#endif
