#include "json_out.h"

#include <sodium.h>

#include "owner.h"
#include "sendq.h"
#include "text.h"

json_t *json_account(const struct account_id *id)
{
	char text[ACCOUNT_TEXT_LEN + 1];

	account_text(id, text);
	return json_string(text);
}

json_t *json_id(const uint8_t id[static MESSAGE_ID_LEN])
{
	char hex[HEX_ID_LEN + 1];

	sodium_bin2hex(hex, sizeof(hex), id, MESSAGE_ID_LEN);
	return json_string(hex);
}

int json_parse_id(const char *text, uint8_t id[static MESSAGE_ID_LEN])
{
	size_t len;

	if (strlen(text) != HEX_ID_LEN ||
	    sodium_hex2bin(id, MESSAGE_ID_LEN, text, HEX_ID_LEN, NULL, &len,
			   NULL) || len != MESSAGE_ID_LEN)
		return ERR_FORMAT;
	return OK;
}

json_t *json_text(const char *text)
{
	json_t *s = json_string(text);
	char *clean;

	if (s)
		return s;
	clean = text_printable_str(text, TEXT_BLOCK);
	s = json_string(clean);
	free(clean);
	return s ? s : json_string("");
}

const char *json_message_state(enum message_state state)
{
	switch (state) {
	case MESSAGE_QUEUED: return "queued";
	case MESSAGE_SENT: return "sent";
	case MESSAGE_DELIVERED: return "delivered";
	case MESSAGE_READ: return "read";
	case MESSAGE_FAILED: return "failed";
	case MESSAGE_EXPIRED: return "expired";
	case MESSAGE_RECEIVED:
	case MESSAGE_HELD: return "received";
	case MESSAGE_UNDECRYPTABLE: return "undecryptable";
	case MESSAGE_GAP: return "gap";
	}
	return "received";
}

json_t *json_message(struct agent *a, const struct contact *c,
		     const struct message *m)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_id(m->id));
	json_object_set_new(o, "chat", json_account(&c->account));
	json_object_set_new(o, "outgoing", json_boolean(m->outgoing));
	json_object_set_new(o, "from", json_account(m->outgoing ?
		&a->keys->account : &c->account));
	json_object_set_new(o, "from_name", json_text(m->outgoing ?
		agent_name(a) : c->name));
	json_object_set_new(o, "text", json_text(m->text ? m->text : ""));
	json_object_set_new(o, "sent_at", json_integer((json_int_t)m->sent_at));
	if (!m->outgoing)
		json_object_set_new(o, "received_at",
				    json_integer((json_int_t)m->received_at));
	json_object_set_new(o, "state",
			    json_string(json_message_state(m->state)));
	if (m->why && m->why[0])
		json_object_set_new(o, "why", json_text(m->why));
	return o;
}

static const char *contact_state_text(enum contact_state state)
{
	switch (state) {
	case CONTACT_ADDED: return "contact";
	case CONTACT_REQUEST: return "request";
	case CONTACT_BLOCKED: return "blocked";
	}
	return "contact";
}

json_t *json_contact(struct agent *a, const struct contact *c)
{
	json_t *o = json_object();
	int64_t unread = 0;

	json_object_set_new(o, "account", json_account(&c->account));
	json_object_set_new(o, "name", json_text(c->name));
	if (c->profile_name[0])
		json_object_set_new(o, "profile_name",
				    json_text(c->profile_name));
	json_object_set_new(o, "state",
			    json_string(contact_state_text(c->state)));
	json_object_set_new(o, "verified", json_boolean(c->verified));
	json_object_set_new(o, "alert", c->alert == ALERT_ROLLBACK ?
		json_string("rollback") : c->alert == ALERT_FORK ?
		json_string("fork") : json_null());
	json_object_set_new(o, "relay", json_text(c->relay));
	if (a->sendq && sendq_wrong_keys(a->sendq, c))
		json_object_set_new(o, "trouble", json_string(
			"its relay hands out keys that are not its own"));
	if (c->row && history_unread(a->db, c->row, &unread))
		unread = 0;
	json_object_set_new(o, "unread", json_integer(unread));
	return o;
}

json_t *json_connection(struct agent *a)
{
	static const char *const names[] = {
		[CONN_OFFLINE] = "offline", [CONN_CONNECTING] = "connecting",
		[CONN_ONLINE] = "online", [CONN_WAITING] = "waiting",
	};
	json_t *o = json_object();
	struct relay_conn_status s = { .state = CONN_OFFLINE };

	if (a->owner)
		s = owner_status(a->owner);
	json_object_set_new(o, "state", json_string(names[s.state]));
	if (s.retry_at)
		json_object_set_new(o, "retry_at",
				    json_integer((json_int_t)s.retry_at));
	if (s.error)
		json_object_set_new(o, "error", json_text(s.error));
	json_object_set_new(o, "caught_up", json_boolean(
		a->owner && owner_caught_up(a->owner)));
	return o;
}

const char *json_agent_state(const struct agent *a)
{
	switch (a->state) {
	case AGENT_NEW: return "new";
	case AGENT_LOCKED: return "locked";
	case AGENT_READY: return "ready";
	}
	return "new";
}
