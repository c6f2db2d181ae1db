/* What the files of contacts share; nobody else includes it. */
#ifndef SOTTO_CONTACTS_INTERNAL_H
#define SOTTO_CONTACTS_INTERNAL_H

#include "contacts.h"

#define CONTACT_COLUMNS \
	"row, account, name, profile_name, state, alert, verified, relay," \
	" capability, given, answered, list, suite_seen, last_hash," \
	" sent_counter, seen_counter, read_upto"

/* From a row of CONTACT_COLUMNS. ERR_CORRUPT. */
int contact_read(struct sqlite3_stmt *st, struct contact *c) must_check;
/* To the parameters 1 to 16: name, its key, and what follows of the columns. */
void contact_bind(struct sqlite3_stmt *st, const struct contact *c,
		  const char *key);

#endif
