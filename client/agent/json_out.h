/* What the machine API shows of messages and people, as JSON. */
#ifndef SOTTO_JSON_OUT_H
#define SOTTO_JSON_OUT_H

#include <jansson.h>

#include "agent.h"
#include "contacts.h"
#include "history.h"

enum { HEX_ID_LEN = 2 * MESSAGE_ID_LEN };

/* All return new references. */
json_t *json_message(struct agent *a, const struct contact *c,
		     const struct message *m) must_check;
json_t *json_contact(struct agent *a, const struct contact *c) must_check;
json_t *json_account(const struct account_id *id) must_check;
json_t *json_id(const uint8_t id[static MESSAGE_ID_LEN]) must_check;
/* Any bytes as a string: what is not UTF-8 becomes U+FFFD. */
json_t *json_text(const char *text) must_check;
/* 32 hex characters; ERR_FORMAT. */
int json_parse_id(const char *text,
		  uint8_t id[static MESSAGE_ID_LEN]) must_check;
const char *json_message_state(enum message_state state);
/* "online" ... and what else connection events carry. */
json_t *json_connection(struct agent *a) must_check;
const char *json_agent_state(const struct agent *a);

#endif
