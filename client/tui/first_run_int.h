/* Inside the first run: shared by first_run.c and first_run_paint.c alone. */
#ifndef SOTTO_FIRST_RUN_INT_H
#define SOTTO_FIRST_RUN_INT_H

#include "first_run.h"
#include "passfield.h"
#include "secret.h"

enum field { FIELD_RELAY, FIELD_NAME, FIELD_PROTECT, FIELD_PASS, FIELD_AGAIN, N_FIELDS };
enum step { STEP_FORM, STEP_WAIT, STEP_KEY };

struct first_run {
	enum step step;
	enum field field;
	struct edit *relay, *name;
	struct passfield *pass, *again;
	bool key_file;
	char *error;
	int recovery_fd;		/* where the agent writes the key; -1 */
	struct secret *recovery;	/* NUL-terminated text, or NULL */
};

/* The fields that are asked end with it. */
enum field first_run_last_field(const struct first_run *f);

#endif
