/* The owner connection: registration, the account's records at its relay, and
 * the mail that comes. */
#ifndef SOTTO_OWNER_H
#define SOTTO_OWNER_H

#include "agent.h"
#include "relay_conn.h"

struct owner;

/* Connects by owner_start. ERR_CORRUPT when the stored relay address is none. */
int owner_create(struct agent *a, struct owner **out) must_check;
void owner_start(struct owner *o);
/* Tries again now when it waits. */
void owner_retry(struct owner *o);
void owner_destroy(struct owner *o);	/* takes NULL */

struct relay_conn_status owner_status(const struct owner *o);
bool owner_caught_up(const struct owner *o);
const struct relay_url *owner_url(const struct owner *o);
/* Does what stands in the database and is not yet at the relay: more
 * capabilities, revocations, a new bundle. */
void owner_poke(struct owner *o);
/* The store failed: what was not acknowledged must come again, later. */
void owner_store_failed(struct owner *o, int err);
/* Rotates keys when due. */
void owner_rotate(struct owner *o);
/* A one-time prekey was used up by a message. */
void owner_prekey_used(struct owner *o);
/* Seconds that relays like ours keep mail; 7 days until one was reached. */
uint32_t owner_retention(const struct owner *o);

#endif
