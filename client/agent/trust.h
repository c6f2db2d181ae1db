/* Whether what somebody's devices say of themselves may be believed, and the
 * alarm when it may not. In a turn. */
#ifndef SOTTO_TRUST_H
#define SOTTO_TRUST_H

#include "agent.h"
#include "contacts.h"

/* Sending to c stops, people are told. Saves c. Harmless when it stands
 * already. */
int trust_alert(struct agent *a, struct contact *c,
		enum contact_alert alert) must_check;
/* A verified list of c's. Taken and c saved when it is newer, OK too when it is
 * the one held. ERR_IDENTITY when it is older or another one of the same
 * version: the alarm has been raised and must be kept by the caller's turn. */
int trust_list(struct agent *a, struct contact *c,
	       const struct device_list *next) must_check;

#endif
