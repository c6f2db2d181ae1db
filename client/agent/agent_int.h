/* What the files of agent share. */
#ifndef SOTTO_AGENT_INT_H
#define SOTTO_AGENT_INT_H

#include "agent.h"

#define AGENT_STORE "account.db"

/* Of a file in the account's directory; the caller's. */
char *agent_store_path(const struct agent *a, const char *name);
/* Makes a->ws unless it is there. ERR_* of ws_create. */
int agent_start_ws(struct agent *a) must_check;

#endif
