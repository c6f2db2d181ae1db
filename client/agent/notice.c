#include "notice.h"

#include "api_server.h"
#include "events.h"
#include "json_out.h"

static void after_events(void *ctx, int err)
{
	struct agent *a = ctx;

	if (!err)
		api_server_events(a->server);
}

static int append(struct agent *a, const char *type, json_t *o)
{
	char *text;
	int64_t seq;
	int ret;

	json_object_set_new(o, "type", json_string(type));
	json_object_set_new(o, "at",
			    json_integer((json_int_t)sys_wall_ms(a->sys)));
	text = json_dumps(o, JSON_COMPACT);
	json_decref(o);
	if (!text)
		return ERR_FORMAT;
	ret = events_append(a->db, type, text, &seq);
	free(text);
	if (!ret)
		turn_after(a->turn, after_events, a);
	return ret;
}

int notice_message(struct agent *a, const struct contact *c,
		   const struct message *m, const uint8_t *replaces)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_id(m->id));
	json_object_set_new(o, "chat", json_account(&c->account));
	json_object_set_new(o, "from", json_account(&c->account));
	json_object_set_new(o, "from_name", json_text(c->name));
	json_object_set_new(o, "text", json_text(m->text ? m->text : ""));
	json_object_set_new(o, "sent_at", json_integer((json_int_t)m->sent_at));
	if (m->state == MESSAGE_UNDECRYPTABLE)
		json_object_set_new(o, "undecryptable", json_true());
	if (m->state == MESSAGE_GAP)
		json_object_set_new(o, "gap", json_true());
	if (replaces)
		json_object_set_new(o, "replaces", json_id(replaces));
	return append(a, "message", o);
}

int notice_outgoing(struct agent *a, const struct contact *c,
		    const struct message *m, const char *key)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_id(m->id));
	json_object_set_new(o, "chat", json_account(&c->account));
	json_object_set_new(o, "text", json_text(m->text));
	json_object_set_new(o, "sent_at", json_integer((json_int_t)m->sent_at));
	if (key)
		json_object_set_new(o, "key", json_text(key));
	return append(a, "outgoing", o);
}

int notice_receipt(struct agent *a, const struct contact *c,
		   const uint8_t id[static MESSAGE_ID_LEN],
		   enum message_state state, const char *why)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_id(id));
	json_object_set_new(o, "who", json_account(&c->account));
	json_object_set_new(o, "state",
			    json_string(json_message_state(state)));
	json_object_set_new(o, "chat", json_account(&c->account));
	if (why)
		json_object_set_new(o, "why", json_text(why));
	api_server_state_changed(a->server);
	return append(a, "receipt", o);
}

int notice_contact(struct agent *a, const struct contact *c,
		   const char *change)
{
	json_t *o = json_object();

	api_server_state_changed(a->server);	/* an alarm ends waiting */
	json_object_set_new(o, "contact", json_contact(a, c));
	json_object_set_new(o, "change", json_string(change));
	return append(a, "contact", o);
}

int notice_read(struct agent *a, const struct contact *c,
		const uint8_t upto[static MESSAGE_ID_LEN])
{
	json_t *o = json_object();

	json_object_set_new(o, "chat", json_account(&c->account));
	json_object_set_new(o, "upto", json_id(upto));
	return append(a, "read", o);
}

static void broadcast(struct agent *a, const char *method, json_t *params)
{
	if (a->server)
		api_server_broadcast(a->server, method, params);
	json_decref(params);
}

void notice_typing(struct agent *a, const struct contact *c, bool on)
{
	json_t *o = json_object();

	json_object_set_new(o, "chat", json_account(&c->account));
	json_object_set_new(o, "who", json_account(&c->account));
	json_object_set_new(o, "on", json_boolean(on));
	broadcast(a, "typing", o);
}

void notice_connection(struct agent *a)
{
	api_server_state_changed(a->server);
	broadcast(a, "connection", json_connection(a));
}

void notice_agent(struct agent *a)
{
	json_t *o = json_object();

	json_object_set_new(o, "state", json_string(json_agent_state(a)));
	broadcast(a, "agent", o);
}
