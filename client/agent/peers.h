/* What is known of other people's devices beside their device list: seal keys,
 * and when sessions were repaired. Changes belong in a turn. */
#ifndef SOTTO_PEERS_H
#define SOTTO_PEERS_H

#include <stdbool.h>

#include "agent.h"
#include "identity.h"

/* ERR_NOT_FOUND when none has come yet. */
int peer_seal_key(struct agent *a, const struct account_id *account,
		  uint32_t device, uint8_t out[static SEAL_KEY_LEN]) must_check;
/* Keeps it when its signature verifies and it is newer than the one held.
 * ERR_FORMAT, ERR_SIGNATURE; ERR_IDENTITY: no such device in list. */
int peer_set_seal_key(struct agent *a, const struct device_list *list,
		      uint32_t device, const Sotto__SealKey *key) must_check;

/* Whether the device has used one's seal key of this age (seconds UTC), so that it
 * need not be told of it. */
bool peer_knows_seal_key(struct agent *a, const struct account_id *account,
			 uint32_t device, uint64_t created_at);
int peer_used_seal_key(struct agent *a, const struct account_id *account,
		       uint32_t device, uint64_t created_at) must_check;

/* Whether a session with the device may be started anew: once an hour. */
bool peer_may_repair(struct agent *a, const struct account_id *account,
		     uint32_t device);
int peer_repaired(struct agent *a, const struct account_id *account,
		  uint32_t device) must_check;

#endif
