/* The outbox at work: a lane for each contact, one anonymous connection for each
 * relay, retries. Order in a lane holds over refusals, drops and restarts. */
#ifndef SOTTO_SENDQ_H
#define SOTTO_SENDQ_H

#include "agent.h"
#include "contacts.h"

struct sendq;

/* Begins with what the outbox holds. ERR_STORE ... */
int sendq_create(struct agent *a, struct sendq **out) must_check;
void sendq_destroy(struct sendq *q);	/* takes NULL */

/* Something was put into c's lane in this turn: encrypts it now when it can be,
 * and sends after the commit. c is up to date and may be changed and saved. */
int sendq_queued(struct sendq *q, struct contact *c) must_check;
/* Sends what can be sent. Not between turn_begin and turn_end. */
void sendq_pump(struct sendq *q);
/* Fetch c's device list again, because a newer one is spoken of. */
void sendq_refresh_list(struct sendq *q, const struct contact *c);
/* Whether what waits for c waits because the relay handed out keys that are not
 * c's. They are asked for again. */
bool sendq_wrong_keys(struct sendq *q, const struct contact *c);
/* Ephemeral, best effort: only over an open connection to somebody who seems to
 * be there. */
void sendq_typing(struct sendq *q, struct contact *c, bool on);
/* Something came from c, so it is there. */
void sendq_heard(struct sendq *q, int64_t contact);
/* c's lane ends: blocked or removed; its messages become FAILED with why. */
int sendq_forget(struct sendq *q, const struct contact *c,
		 const char *why) must_check;
/* The store failed: begins anew after a while. */
void sendq_store_failed(struct sendq *q);
/* It works again. */
void sendq_store_works(struct sendq *q);
/* Connections that wait try again now. */
void sendq_retry(struct sendq *q);

#endif
