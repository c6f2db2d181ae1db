/* Conversations over the API: the open one and its history, sending, events. */
#ifndef SOTTO_TALK_H
#define SOTTO_TALK_H

#include "app.h"

/* Asks for the list of conversations. */
void talk_refresh(struct app *a);
void talk_open(struct app *a, struct chat *c);		/* c may be NULL */
void talk_reload(struct app *a);	/* the open chat, after a reconnect */
void talk_event(struct app *a, const json_t *event);
void talk_typing_event(struct app *a, const json_t *params);
void talk_send(struct app *a, const char *text);
void talk_resend(struct app *a);	/* what the agent has not answered */
void talk_edited(struct app *a);	/* the draft changed: typing indicator */
void talk_stop_typing(struct app *a);
void talk_still_typing(struct app *a);
/* The view shows messages up to this one. */
void talk_seen(struct app *a, size_t index);
void talk_need_page(struct app *a, bool before);
void talk_jump(struct app *a, const char *message_id);	/* shows it in its chat */
void talk_step(struct app *a, int by);	/* next, previous conversation */
void talk_next_unread(struct app *a);

#endif
