/* What comes: from an envelope to a stored message, in one transaction. */
#ifndef SOTTO_INBOX_H
#define SOTTO_INBOX_H

#include "agent.h"
#include "relay.pb-c.h"

struct inbox;

struct inbox *inbox_create(struct agent *a) must_check;
void inbox_destroy(struct inbox *in);	/* takes NULL */

/* Takes one envelope within the turn. OK: it is settled (stored, known, or
 * refused for good) and may be acknowledged after the commit. Other errors: the
 * store failed, it has to come again. */
int inbox_deliver(struct inbox *in, const Sotto__Deliver *d) must_check;
/* One's own seal keys have changed. */
void inbox_keys_changed(struct inbox *in);

#endif
