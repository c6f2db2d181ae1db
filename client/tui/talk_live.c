/* Messages as they are sent and come, and who is typing (talk.h). */
#include "buf.h"
#include "model_json.h"
#include "talk.h"

enum { TYPING_EVERY_MS = 3000, TYPING_IDLE_MS = 5000, BEEP_EVERY_MS = 1000 };

static void got_sent(void *ctx, const struct reply *r)
{
	struct app *a = ctx;

	a->dirty = true;
	for (size_t i = 0; i < a->model.n; i++)
		model_settle(a->model.chats[i], r->tag,
			     r->code ? NULL : json_text(r->result, "id"), r->message);
	if (r->code)
		app_refused(a, r);
}

static void ask_send(struct app *a, const struct chat *c, const char *key,
		     const char *text)
{
	agent_ask(a->agent, "message.send",
		  json_pack("{s:s, s:s, s:s}", "to", c->account, "text", text,
			    "key", key), got_sent, key);
}

void talk_send(struct app *a, const char *text)
{
	struct chat *c = a->open;
	char key[48];

	snprintf(key, sizeof(key), "tui-%s-%lu", a->key_prefix, ++a->keys);
	/* asked first: the answer may come at once when it is refused */
	model_add_pending(c, text, key, a->wall);
	c->follow = true;
	c->first_unread[0] = '\0';
	if (c->more_after) {		/* back from far up in the history */
		model_shrink(c);
		talk_reload(a);
	}
	a->typing_on = false;		/* the message ends it at the other's side */
	a->typing_idle_at = a->typing_again_at = 0;
	ask_send(a, c, key, text);
}

void talk_resend(struct app *a)
{
	for (size_t i = 0; i < a->model.n; i++) {
		struct chat *c = a->model.chats[i];

		for (size_t k = 0; k < c->n; k++)
			if (c->messages[k]->state == MESSAGE_PENDING)
				ask_send(a, c, c->messages[k]->key,
					 c->messages[k]->raw);
	}
}

static void take_message(struct app *a, const json_t *event, bool outgoing)
{
	struct chat *c = NULL;
	struct message *m;
	bool in_window, sorted;

	if (!model_take_message(&a->model, event, outgoing, &c, &in_window)) {
		talk_refresh(a);
		return;
	}
	if (in_window && c->n > 1) {
		/* a clock behind the others': the agent knows the order */
		m = model_find_message(c, json_text(event, "id"), NULL);
		sorted = m == NULL || m == c->messages[0];
		for (size_t i = c->n; i > 1 && !sorted; i--)
			if (c->messages[i - 1] == m) {
				sorted = c->messages[i - 2]->at <= m->at;
				break;
			}
		if (!sorted && c == a->open) {
			talk_reload(a);
			talk_refresh(a);
		}
	}
	/* nobody looks: what comes from here on is new */
	if (!outgoing && in_window && c == a->open && c->unread == 1 &&
	    (a->unfocused || !c->follow))
		snprintf(c->first_unread, sizeof(c->first_unread), "%s",
			 json_text(event, "id"));
	if (c != a->open)
		model_shrink(c);
	if (!outgoing && c != a->open && c->state != CHAT_BLOCKED &&
	    a->now - a->beeped_at >= BEEP_EVERY_MS) {
		a->beeped_at = a->now;
		screen_beep();
	}
}

static void take_contact(struct app *a, const json_t *event)
{
	const json_t *contact = json_object_get(event, "contact");
	struct chat *c = model_find(&a->model, json_text(contact, "account"));

	if (strcmp(json_text(event, "change"), "removed") != 0) {
		c = model_take_contact(&a->model, contact);
		if (c != NULL && a->open == NULL)
			talk_open(a, c);
	} else if (c != NULL) {
		if (c == a->open)
			talk_open(a, NULL);
		model_remove(&a->model, c);
	}
	talk_refresh(a);
}

static void take_read(struct app *a, const json_t *event)
{
	struct chat *c = model_find(&a->model, json_text(event, "chat"));
	size_t at;

	if (c == NULL)
		return;
	if (model_find_message(c, json_text(event, "upto"), &at))
		model_mark_read(c, at);
	else
		talk_refresh(a);
}

void talk_event(struct app *a, const json_t *event)
{
	const char *type = json_text(event, "type");

	if (strcmp(type, "message") == 0)
		take_message(a, event, false);
	else if (strcmp(type, "outgoing") == 0)
		take_message(a, event, true);
	else if (strcmp(type, "receipt") == 0)
		model_take_receipt(&a->model, event);
	else if (strcmp(type, "contact") == 0)
		take_contact(a, event);
	else if (strcmp(type, "read") == 0)
		take_read(a, event);
}

void talk_typing_event(struct app *a, const json_t *params)
{
	struct chat *c = model_find(&a->model, json_text(params, "chat"));

	if (c != NULL)
		c->typing_until = json_is_true(json_object_get(params, "on")) ?
			a->now + TYPING_MS : 0;
}

static void tell_typing(struct app *a, bool on)
{
	a->typing_on = on;
	/* one may get lost, so it is said again */
	a->typing_again_at = on ? a->now + TYPING_EVERY_MS : 0;
	agent_ask(a->agent, "chat.typing",
		  json_pack("{s:s, s:b}", "chat", a->open->account, "on", on),
		  NULL, NULL);
}

void talk_edited(struct app *a)
{
	const char *text = edit_text(a->edit);

	if (a->open == NULL || a->open->state != CHAT_CONTACT)
		return;
	if (*text == '\0' || *text == '/') {
		talk_stop_typing(a);
		return;
	}
	a->typing_idle_at = a->now + TYPING_IDLE_MS;
	if (!a->typing_on)
		tell_typing(a, true);
}

void talk_still_typing(struct app *a)
{
	if (a->typing_on && a->open != NULL && a->typing_idle_at > a->now)
		tell_typing(a, true);
}

void talk_stop_typing(struct app *a)
{
	a->typing_idle_at = a->typing_again_at = 0;
	if (a->typing_on && a->open != NULL)
		tell_typing(a, false);
}
