/* Auth: which device is on an owner connection, registration, and the session
 * token that shows a copied store. */
#ifndef SOTTO_AUTH_H
#define SOTTO_AUTH_H

#include "relay.pb-c.h"

struct conn;

/* Ends with Ready and an attached mailbox, or with the connection closed. */
void auth_begin(struct conn *c, const Sotto__Auth *m);
/* Parts the connection from its mailbox; harmless before Auth and twice. */
void auth_detach(struct conn *c);

#endif
