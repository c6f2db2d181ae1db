/* message.* */
#include <sodium.h>

#include "api_find.h"
#include "api_server.h"
#include "compose.h"
#include "envelope.h"
#include "events.h"
#include "json_out.h"
#include "sendq.h"

enum { KEY_MAX = 128, SEARCH_MAX = 500, SEARCH_DEFAULT = 50,
       WAIT_MAX_MS = 24 * 3600 * 1000 };

/* ---- message.send ---- */

static bool check_text(struct api_call *c, const char *text)
{
	size_t len = json_string_length(json_object_get(c->params, "text"));

	if (len != strlen(text)) {
		api_fail(c, API_USAGE, "a text has no NUL");
		return false;
	}
	if (len < 1 || len > TEXT_MAX) {
		api_fail(c, API_USAGE, "a text has 1 to %d bytes", TEXT_MAX);
		return false;
	}
	return true;
}

static bool check_recipient(struct api_call *c, const struct contact *to)
{
	if (to->state == CONTACT_BLOCKED)
		api_fail(c, API_REFUSED, "%s is blocked", to->name);
	else if (to->alert)
		api_fail(c, API_IDENTITY, "the device list of %s was %s: "
			 "nothing is sent until you have compared safety "
			 "numbers (sotto verify)", to->name,
			 to->alert == ALERT_FORK ? "forked" : "rolled back");
	else if (!to->has_capability)
		api_fail(c, API_REFUSED, "there is no way to reach %s; "
			 "ask for a link", to->name);
	else
		return true;
	return false;
}

static void digest_send(const struct contact *to, const char *text,
			uint8_t out[static HASH_LEN])
{
	crypto_generichash_state h;

	crypto_generichash_init(&h, NULL, 0, HASH_LEN);
	crypto_generichash_update(&h, to->account.b, ACCOUNT_LEN);
	crypto_generichash_update(&h, (const uint8_t *)text, strlen(text));
	crypto_generichash_final(&h, out, HASH_LEN);
}

/* In a turn. */
static int send_text(struct api_call *c, struct contact *to, const char *text,
		     const char *key, const uint8_t *digest, uint8_t *id)
{
	struct agent *a = c->a;
	int ret = OK;

	if (to->state == CONTACT_REQUEST)
		ret = api_accept(a, to);
	if (!ret)
		ret = compose_text(a, to, text, key, id);
	if (!ret && key)
		ret = sendkey_put(a->db, key, digest, id,
				  sys_wall_ms(a->sys));
	return ret ? ret : sendq_queued(a->sendq, to);
}

static enum api_step id_result(struct api_call *c, const uint8_t *id)
{
	json_t *o = json_object();

	json_object_set_new(o, "id", json_id(id));
	return api_result(c, o);
}

static enum api_step send_message(struct api_call *c)
{
	struct agent *a = c->a;
	const char *text = api_text(c, "text"), *key = api_text(c, "key");
	uint8_t digest[HASH_LEN], id[MESSAGE_ID_LEN];
	struct contact to;
	int ret;

	if (!check_text(c, text) || !api_contact(c, "to", &to))
		return API_DONE;
	if (key && (!key[0] || strlen(key) > KEY_MAX))
		return api_fail(c, API_USAGE, "a key has 1 to %d bytes",
				KEY_MAX);
	digest_send(&to, text, digest);
	ret = key ? sendkey_get(a->db, key, digest, id) : ERR_NOT_FOUND;
	if (!ret)
		return id_result(c, id);
	if (ret == ERR_CONFLICT)
		return api_fail(c, API_REFUSED, "this key was used for another "
				"message");
	if (ret != ERR_NOT_FOUND)
		return api_fail_err(c, ret);
	if (!check_recipient(c, &to))
		return API_DONE;
	ret = turn_enter(a->turn);
	if (!ret)
		ret = turn_leave(a->turn, send_text(c, &to, text, key, digest,
						    id));
	return ret ? api_fail_err(c, ret) : id_result(c, id);
}

const struct api_method api_message_send = {
	"message.send", false, send_message, {
		{ "to", API_TEXT, true }, { "text", API_TEXT, true },
		{ "key", API_TEXT, false },
	},
};

/* ---- message.get, message.wait ---- */

static bool load(struct api_call *c, const uint8_t *id, struct message *m,
		 struct contact *who)
{
	int ret = history_get(c->a->db, id, m);

	if (!ret) {
		ret = contact_by_row(c->a->db, m->contact, who);
		if (ret)
			message_finish(m);
	}
	if (!ret)
		return true;
	if (ret == ERR_NOT_FOUND)
		api_fail(c, API_NOT_FOUND, "there is no such message");
	else
		api_fail_err(c, ret);
	return false;
}

static enum api_step get(struct api_call *c)
{
	uint8_t id[MESSAGE_ID_LEN];
	struct message m;
	struct contact who;

	if (!api_message_id(c, "id", id) || !load(c, id, &m, &who))
		return API_DONE;
	api_result(c, json_message(c->a, &who, &m));
	message_finish(&m);
	return API_DONE;
}

const struct api_method api_message_get = {
	"message.get", false, get, { { "id", API_TEXT, true } },
};

/* Whether the state that a wait is for was reached, or never will be. */
static bool reached(struct api_call *c)
{
	struct message m;
	struct contact who;
	bool over = true;

	if (!load(c, c->wanted_id, &m, &who))
		return true;
	if (m.state == MESSAGE_FAILED || m.state == MESSAGE_EXPIRED)
		api_fail(c, API_REFUSED, "%s", m.why && m.why[0] ? m.why :
			 m.state == MESSAGE_EXPIRED ? "it was not fetched in "
			 "time and has expired" : "it could not be sent");
	else if ((int)m.state >= c->wanted)
		api_result(c, json_pack("{s:s}", "state",
					json_message_state(m.state)));
	else if (m.state == MESSAGE_QUEUED && who.alert)
		api_fail(c, API_IDENTITY, "the device list of %s was %s: "
			 "nothing is sent until you have compared safety "
			 "numbers (sotto verify)", who.name,
			 who.alert == ALERT_FORK ? "forked" : "rolled back");
	else if (m.state == MESSAGE_QUEUED &&
		 sendq_wrong_keys(c->a->sendq, &who))
		api_fail(c, API_IDENTITY, "the relay handed out keys that are "
			 "not those of %s: nothing was encrypted for them; it "
			 "stays in the outbox and is tried again", who.name);
	else
		over = false;
	message_finish(&m);
	return over;
}

static void wait_expired(struct api_call *c)
{
	const char *wanted = json_message_state((enum message_state)c->wanted);
	struct message m;
	struct contact who;

	if (!load(c, c->wanted_id, &m, &who))
		return;
	if (m.state == MESSAGE_QUEUED)
		api_fail(c, API_TIMEOUT, "it is not %s yet; it stays in the "
			 "outbox", wanted);
	else
		api_fail(c, API_TIMEOUT, "it is %s, but not %s yet%s",
			 json_message_state(m.state), wanted, who.answered ?
			 "" : "; whoever has not accepted you tells nothing");
	message_finish(&m);
}

static enum api_step wait_state(struct api_call *c)
{
	const char *state = api_text(c, "state");
	int64_t timeout = api_int(c, "timeout_ms", WAIT_MAX_MS);
	struct message m;
	struct contact who;

	if (!api_message_id(c, "id", c->wanted_id))
		return API_DONE;
	if (!strcmp(state, "sent"))
		c->wanted = MESSAGE_SENT;
	else if (!strcmp(state, "delivered"))
		c->wanted = MESSAGE_DELIVERED;
	else if (!strcmp(state, "read"))
		c->wanted = MESSAGE_READ;
	else
		return api_fail(c, API_USAGE,
				"state is sent, delivered or read");
	if (timeout < 0 || timeout > WAIT_MAX_MS)
		timeout = WAIT_MAX_MS;
	if (!load(c, c->wanted_id, &m, &who))
		return API_DONE;
	message_finish(&m);
	if (!m.outgoing)
		return api_fail(c, API_USAGE, "it is not a message of yours");
	if (reached(c))
		return API_DONE;
	if (!c->client)
		return API_DONE;
	api_wait(c, (uint64_t)timeout, reached, wait_expired);
	return API_LATER;
}

const struct api_method api_message_wait = {
	"message.wait", false, wait_state, {
		{ "id", API_TEXT, true }, { "state", API_TEXT, true },
		{ "timeout_ms", API_INT, false },
	},
};

/* ---- message.search ---- */

static enum api_step search(struct api_call *c)
{
	int64_t limit = api_int(c, "limit", SEARCH_DEFAULT);
	struct api_page p = { .call = c };
	struct contact chat = { .row = 0 };
	int ret;

	if (limit < 1 || limit > SEARCH_MAX)
		return api_fail(c, API_USAGE, "limit is 1 to %d", SEARCH_MAX);
	if (api_text(c, "chat")) {
		if (!api_contact(c, "chat", &chat))
			return API_DONE;
		p.contact = &chat;
	}
	p.list = json_array();
	p.left = (int)limit;
	ret = history_search(c->a->db, api_text(c, "words"), chat.row,
			     (int)limit, api_page_add, &p);
	if (ret < 0) {
		json_decref(p.list);
		return ret == ERR_FORMAT ?
			api_fail(c, API_USAGE, "there is no word in that") :
			api_fail_err(c, ret);
	}
	return api_result(c, json_pack("{s:o}", "messages", p.list));
}

const struct api_method api_message_search = {
	"message.search", false, search, {
		{ "words", API_TEXT, true }, { "chat", API_TEXT, false },
		{ "limit", API_INT, false },
	},
};
