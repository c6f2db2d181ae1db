/* The contact link: how to reach an account, and the right to.
 * sotto://HOST[:PORT]/ACCOUNT#CAP[?n=NAME][&t=plain] */
#ifndef SOTTO_LINK_H
#define SOTTO_LINK_H

#include "account.h"
#include "capability.h"
#include "err.h"
#include "url.h"

enum {
	LINK_NAME_MAX = 128,	/* bytes of UTF-8 */
	LINK_TEXT_MAX = 768,	/* more than the parts can need */
};

struct link {
	struct relay_url relay;
	struct account_id account;
	uint8_t capability[CAPABILITY_LEN];	/* form checked, MAC not */
	char name[LINK_NAME_MAX + 1];	/* a peer's text: make it printable first */
};

/* HOST and PORT as in relay_url_parse; t=plain means ws://. Takes one form: n
 * before t, each once, nothing unknown; in NAME all but unreserved characters
 * percent-encoded (RFC 3986, section 2), valid UTF-8 without control characters.
 * ERR_FORMAT, ERR_TOO_BIG for a link or name over its maximum, ERR_REFUSED for
 * t=plain to another host than loopback. */
int link_parse(const char *text, struct link *out) must_check;
/* The form that link_parse takes. l comes from link_parse, or its relay from
 * relay_url_parse and its name from link_set_name. */
void link_text(const struct link *l, char text[static LINK_TEXT_MAX + 1]);
/* Takes any text: makes it one printable line, cut at a cluster's end. */
void link_set_name(struct link *l, const char *name);

#endif
