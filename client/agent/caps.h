/* One's own capabilities: the stock to hand out, those in links, and what is to
 * be revoked. All calls that change something belong in a turn. */
#ifndef SOTTO_CAPS_H
#define SOTTO_CAPS_H

#include <stdbool.h>

#include "agent.h"
#include "capability.h"

enum {
	CAPS_STOCK = 32,	/* minted at once */
	CAPS_LOW = 8,		/* then more are asked for */
	CAPS_RENEW_HOURS = 30 * 24,	/* before it expires */
	CAPS_OLD_HOURS = 30 * 24,	/* after it was minted */
	CAPS_LINKS_MAX = 16,	/* intro capabilities that still open */
};

/* Takes one of class CONTACT out of the stock. ERR_NOT_FOUND: none left, the
 * relay has to mint. */
int caps_take(struct agent *a, uint8_t out[static CAPABILITY_LEN]) must_check;
int caps_add(struct agent *a, const uint8_t cap[static CAPABILITY_LEN]) must_check;
int caps_count(struct agent *a, int *count) must_check;

/* The capability of the default link. ERR_NOT_FOUND: never minted. */
int caps_link(struct agent *a, uint8_t out[static CAPABILITY_LEN]) must_check;
/* A new one for the link; those before stay valid. */
int caps_set_link(struct agent *a,
		  const uint8_t cap[static CAPABILITY_LEN]) must_check;
/* Whether the id belongs to one of one's own links. */
bool caps_is_link(struct agent *a, const uint8_t id[static CAPABILITY_ID_LEN]);
/* Whether a capability will still be good for a while. */
bool caps_fresh(const struct agent *a, const uint8_t cap[static CAPABILITY_LEN]);

/* The relay does not know them any more: the stock and the links are empty. */
int caps_forget(struct agent *a) must_check;
/* Whether it was minted more than a month ago. */
bool caps_old(const struct agent *a, const uint8_t cap[static CAPABILITY_LEN]);

/* The relay is to revoke it, now or when it is reached. */
int caps_revoke(struct agent *a,
		const uint8_t cap[static CAPABILITY_LEN]) must_check;
/* Appends the ids (CAPABILITY_ID_LEN each) that the relay has not confirmed; all
 * that were ever revoked, with all. */
int caps_revocations(struct agent *a, bool all, struct buf *out) must_check;
/* The relay has confirmed the first n bytes of the unconfirmed. */
int caps_revoked(struct agent *a, size_t n) must_check;

#endif
