/* Between model.c and window.c: reading the API's objects, and single messages. */
#ifndef SOTTO_MODEL_JSON_H
#define SOTTO_MODEL_JSON_H

#include "model.h"
#include "text.h"

/* "" and 0 when the member is absent or of another type. */
const char *json_text(const json_t *o, const char *name);
int64_t json_number(const json_t *o, const char *name);
/* *field becomes a printable copy of text. */
void replace_text(char **field, const char *text, enum text_mode mode);

enum message_state message_state_parse(const char *text);
/* A message object or message event; heap, NULL when it has no proper id. */
struct message *message_from_json(const json_t *o);
void message_destroy(struct message *m);

/* Drops all but the pending messages. */
void window_clear(struct chat *c);
/* Puts a message that has just come where it belongs, or drops it. msg is taken. */
bool window_take(struct chat *c, struct message *msg, const char *key,
		 const char *replaces);

#endif
