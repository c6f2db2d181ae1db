/* The first start: asks what an account needs, shows the recovery key. */
#ifndef SOTTO_FIRST_RUN_H
#define SOTTO_FIRST_RUN_H

#include "app.h"

struct first_run;

struct first_run *first_run_create(void) must_check;
void first_run_destroy(struct first_run *f);	/* wipes; takes NULL */
/* A recovery key is there that has not been confirmed as written down. */
bool first_run_has_key(const struct first_run *f);
void first_run_agent_lost(struct first_run *f);
/* Of a->first_run. */
void first_run_key(struct app *a, const struct key *k);
void first_run_text(struct app *a, const char *text, size_t len);
void first_run_paint(struct app *a);

#endif
