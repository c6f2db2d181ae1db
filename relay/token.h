/* Session tokens, by which a copied store is seen (relay.proto, Auth). A token
 * is a counter (8 bytes, big-endian) and 16 bytes of keyed BLAKE2b over
 * account, device, the store's incarnation and the counter. */
#ifndef SOTTO_TOKEN_H
#define SOTTO_TOKEN_H

#include <stdint.h>

#include "err.h"
#include "frame.h"

struct mailbox_id;

void token_make(const uint8_t key[static 32],
		const uint8_t incarnation[static INCARNATION_LEN],
		const struct mailbox_id *device, uint64_t counter,
		uint8_t out[static TOKEN_LEN]);
/* The counter of a genuine token, else ERR_SIGNATURE. */
int token_check(const uint8_t key[static 32],
		const uint8_t incarnation[static INCARNATION_LEN],
		const struct mailbox_id *device,
		const uint8_t token[static TOKEN_LEN],
		uint64_t *counter) must_check;

#endif
