/* What could not be decrypted, and sending again what others could not. In a
 * turn. */
#ifndef SOTTO_REPAIR_H
#define SOTTO_REPAIR_H

#include "agent.h"
#include "contacts.h"
#include "frame.h"
#include "history.h"

struct repair;

enum {
	/* Placeholders of a contact; more are only counted in the log. */
	REPAIR_SHOWN_MAX = 100,
	/* Messages sent again for a contact in an hour. */
	REPAIR_AGAIN_MAX = 256,
};

struct repair *repair_create(struct agent *a) must_check;
void repair_destroy(struct repair *r);	/* takes NULL */

/* An envelope that came with a capability given to c does not decrypt: shows
 * that and asks for it again. */
int repair_undecryptable(struct repair *r, struct contact *c,
			 const uint8_t envelope[static ENVELOPE_ID_LEN]) must_check;
/* What an envelope held has come: takes its placeholder away. *had tells whether
 * there was one; its id is the envelope's. */
int repair_healed(struct repair *r, struct contact *c,
		  const uint8_t envelope[static ENVELOPE_ID_LEN],
		  bool *had) must_check;
/* c could not decrypt an envelope of ours. */
int repair_asked(struct repair *r, struct contact *c,
		 const uint8_t envelope[static ENVELOPE_ID_LEN]) must_check;
/* c lacks messages of ours with these counters. */
int repair_resend(struct repair *r, struct contact *c,
		  const uint64_t *counters, size_t n) must_check;

#endif
