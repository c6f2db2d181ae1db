/* The order in which another device's messages are shown: by its counters, with
 * those that came early held back, and gaps shown after a while. */
#ifndef SOTTO_ORDER_H
#define SOTTO_ORDER_H

#include "agent.h"
#include "contacts.h"
#include "content.pb-c.h"
#include "frame.h"

struct order;

enum {
	ORDER_WAIT_MS = 30 * 1000,	/* after caught_up, before a gap shows */
	ORDER_GAPS_SHOWN = 16,		/* placeholders of one gap */
	ORDER_RESEND_MAX = 64,		/* counters asked for at once */
};

struct order *order_create(struct agent *a) must_check;
void order_destroy(struct order *o);	/* takes NULL */

/* Whether the mailbox is empty: only then does waiting for more make sense. */
void order_caught_up(struct order *o, bool caught_up);

/* Passes the gaps whose time is over. Its timer calls it. */
void order_expire(struct order *o);

/* A text of c's device, authenticated. Stores it, shows it or holds it; changes
 * c's seen_counter, which the caller saves. replaces: NULL or the id of the
 * placeholder it stands for. *stored: it was not known before. In a turn. */
int order_take(struct order *o, struct contact *c,
	       const Sotto__Content *content,
	       const uint8_t envelope[static ENVELOPE_ID_LEN],
	       const uint8_t *replaces, bool *stored) must_check;

#endif
