/* Telling front-ends: durable events, in the turn that changes what they tell
 * of, and passing notifications. */
#ifndef SOTTO_NOTICE_H
#define SOTTO_NOTICE_H

#include "agent.h"
#include "contacts.h"
#include "history.h"

/* Durable; between turn_begin and turn_end. Subscribers hear after the commit. */
/* replaces: NULL, or the id of what this message stands for now. */
int notice_message(struct agent *a, const struct contact *c,
		   const struct message *m,
		   const uint8_t *replaces) must_check;
/* key: NULL, or the sender's idempotency key. */
int notice_outgoing(struct agent *a, const struct contact *c,
		    const struct message *m, const char *key) must_check;
int notice_receipt(struct agent *a, const struct contact *c,
		   const uint8_t id[static MESSAGE_ID_LEN],
		   enum message_state state, const char *why) must_check;
int notice_contact(struct agent *a, const struct contact *c,
		   const char *change) must_check;
int notice_read(struct agent *a, const struct contact *c,
		const uint8_t upto[static MESSAGE_ID_LEN]) must_check;

/* Passing: to who listens now. */
void notice_typing(struct agent *a, const struct contact *c, bool on);
void notice_connection(struct agent *a);
void notice_agent(struct agent *a);

#endif
