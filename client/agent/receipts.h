/* Receipts: noted with the message they are for, sent a little later and
 * together. */
#ifndef SOTTO_RECEIPTS_H
#define SOTTO_RECEIPTS_H

#include "agent.h"
#include "contacts.h"
#include "history.h"

struct receipts;

/* Sends soon what an earlier run left. */
struct receipts *receipts_create(struct agent *a) must_check;
void receipts_destroy(struct receipts *r);	/* takes NULL */

/* A message of c's is stored, or was read: MESSAGE_DELIVERED or MESSAGE_READ.
 * Nothing happens when receipts are off or c is not accepted. In a turn. */
int receipts_due(struct receipts *r, const struct contact *c,
		 const uint8_t id[static MESSAGE_ID_LEN],
		 enum message_state state) must_check;

#endif
