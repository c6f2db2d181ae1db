/* Contents that go out: making them, and encrypting them into envelopes. All in
 * a turn. */
#ifndef SOTTO_COMPOSE_H
#define SOTTO_COMPOSE_H

#include "agent.h"
#include "contacts.h"
#include "content.pb-c.h"
#include "history.h"
#include "outbox.h"
#include "relay.pb-c.h"

/* A new text: stored, queued, told. Takes c's next counter and saves c. key: the
 * idempotency key or NULL. */
int compose_text(struct agent *a, struct contact *c, const char *text,
		 const char *key, uint8_t id[static MESSAGE_ID_LEN]) must_check;
/* Queues what is no part of the history; content's header is filled here. */
int compose_control(struct agent *a, const struct contact *c,
		    Sotto__Content *content) must_check;
/* An empty content that carries our Introduction: acceptance. */
int compose_introduction(struct agent *a, const struct contact *c) must_check;
/* Queues a stored message of ours once more. heals: 16 bytes or NULL. */
int compose_again(struct agent *a, const struct contact *c,
		  const struct message *m, const uint8_t *heals) must_check;

/* Encrypts the entry for all devices of c's list and stores the Send in its
 * place; saves c when an Introduction took a capability. ERR_NOT_FOUND: a
 * session or seal key is missing, fetch a bundle. ERR_FULL: no capability is
 * left to introduce oneself with, the relay has to mint. */
int compose_encrypt(struct agent *a, struct contact *c,
		    struct outbox_entry *e) must_check;
/* The stored text m once more, because the devices have changed. */
int compose_encrypt_again(struct agent *a, struct contact *c,
			  const struct message *m,
			  struct outbox_entry *e) must_check;
/* An ephemeral Send of content. */
int compose_ephemeral(struct agent *a, struct contact *c,
		      Sotto__Content *content, struct buf *send,
		      uint8_t envelope[static 16]) must_check;
/* Whether every device of c has a session and a seal key. */
bool compose_can_encrypt(struct agent *a, const struct contact *c);

#endif
