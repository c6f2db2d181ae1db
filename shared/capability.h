/* Capabilities: the right to put mail into an account's mailboxes. */
#ifndef SOTTO_CAPABILITY_H
#define SOTTO_CAPABILITY_H

#include <stdint.h>

#include "account.h"
#include "err.h"

enum {
	CAPABILITY_LEN = 33,		/* see relay.proto, Mint */
	CAPABILITY_ID_LEN = 12,
	CAPABILITY_KEY_LEN = 32,
	CAPABILITY_TEXT_LEN = 44,	/* base64url of RFC 4648 section 5 */
	CAPABILITY_HOURS = 365 * 24,	/* life */
};

enum capability_class { CAP_INTRO = 1, CAP_CONTACT = 2, CAP_GROUP = 3 };

struct capability {
	enum capability_class class;
	uint8_t id[CAPABILITY_ID_LEN];
	uint32_t expiry;	/* hours since the epoch */
};

void capability_mint(const struct capability *c,
		     const struct account_id *account,
		     const uint8_t key[static CAPABILITY_KEY_LEN],
		     uint8_t out[static CAPABILITY_LEN]);
/* Form, MAC and expiry, in time that does not depend on the MAC. ERR_FORMAT,
 * ERR_SIGNATURE, ERR_STALE. */
int capability_check(const uint8_t *in, size_t len,
		     const struct account_id *account,
		     const uint8_t key[static CAPABILITY_KEY_LEN],
		     uint32_t now_hours, struct capability *out) must_check;
/* Form alone, for who has no key. ERR_FORMAT. */
int capability_read(const uint8_t *in, size_t len,
		    struct capability *out) must_check;
void capability_text(const uint8_t in[static CAPABILITY_LEN],
		     char text[static CAPABILITY_TEXT_LEN + 1]);
int capability_parse(const char *text, size_t len,
		     uint8_t out[static CAPABILITY_LEN]) must_check;

#endif
