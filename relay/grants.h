/* Capabilities: minted and revoked by their owner, and used by others to fetch
 * what starts a session. */
#ifndef SOTTO_GRANTS_H
#define SOTTO_GRANTS_H

#include "relay.pb-c.h"

struct conn;

void grants_mint(struct conn *c, const Sotto__ClientMessage *message);
void grants_revoke(struct conn *c, const Sotto__ClientMessage *message);
void grants_fetch(struct conn *c, const Sotto__ClientMessage *message);

#endif
