/* What an authenticated content changes. */
#ifndef SOTTO_APPLY_H
#define SOTTO_APPLY_H

#include "agent.h"
#include "contacts.h"
#include "content.pb-c.h"
#include "relay.pb-c.h"

/* An envelope on its way in, step by step. */
struct incoming {
	struct agent *a;
	const Sotto__Deliver *d;
	struct contact c;		/* the sender; row 0: not known before */
	bool attributed;		/* came with a capability given to c */
	Sotto__Sealed *sealed;
	bool newest_seal;		/* to our newest seal key */
	bool has_came;
	struct device_list came;	/* the list that came along, verified */
	const struct device_list *list;	/* under which it was decrypted */
	bool new_session;
	Sotto__Content *content;
	bool junk;			/* refused, nothing to remember */
};

/* In a turn. OK also when the content is refused for good; else the store's
 * error. */
int apply(struct incoming *m) must_check;

#endif
