/* An owner's records: device list, bundle, prekeys, token. */
#ifndef SOTTO_RECORDS_H
#define SOTTO_RECORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "relay.pb-c.h"

struct conn;
struct device_list;

enum {
	BUNDLE_BYTES_MAX = 512,	/* of an encoded Bundle */
	/* What a request takes of the account's budget. */
	COST_MINT = 1,
	COST_WRITE = 4,		/* checks signatures, or writes */
};

/* The encoding of m, heap-allocated; NULL when longer than max. */
uint8_t *record_pack(const ProtobufCMessage *m, size_t max, size_t *len);

/* Whether the encoded bundle is of this device of the list, and verifies. */
bool record_bundle_good(const uint8_t *bundle, size_t len, uint32_t device,
			const struct device_list *list);

/* conn_begin for an owner's request; false when it was answered because the
 * account asks for too much, too. */
bool record_begin(struct conn *c, uint32_t request, uint32_t cost);

void records_confirm_token(struct conn *c, const Sotto__ClientMessage *m);
void records_put_list(struct conn *c, const Sotto__ClientMessage *m);
void records_put_bundle(struct conn *c, const Sotto__ClientMessage *m);
void records_put_prekeys(struct conn *c, const Sotto__ClientMessage *m);

#endif
