/* hello, status, agent.stop */
#include <unistd.h>

#include "api.h"
#include "contacts.h"
#include "history.h"
#include "json_out.h"
#include "outbox.h"
#include "owner.h"

enum { API_VERSION = 1 };

static void add_account(struct agent *a, json_t *o)
{
	if (a->state != AGENT_READY)
		return;
	json_object_set_new(o, "account", json_account(&a->keys->account));
	json_object_set_new(o, "name", json_text(agent_name(a)));
}

static enum api_step hello(struct api_call *c)
{
	json_t *o = json_pack("{s:i, s:s, s:s, s:s}", "version", API_VERSION,
			      "program", "sotto 0.1",
			      "profile", c->a->paths->profile,
			      "state", json_agent_state(c->a));

	add_account(c->a, o);
	return api_result(c, o);
}

const struct api_method api_hello = {
	"hello", true, hello, { { "client", API_TEXT, false } },
};

/* ---- status ---- */

static int add_unread(void *ctx, const struct contact *contact)
{
	struct api_call *c = ctx;
	int64_t n = 0;
	int ret = history_unread(c->a->db, contact->row, &n);

	c->wanted += (int)n;
	return ret;
}

static int count_contact(void *ctx, const struct contact *contact)
{
	int *n = ctx;

	(void)contact;
	++*n;
	return 0;
}

static int add_numbers(struct api_call *c, json_t *o)
{
	struct agent *a = c->a;
	int64_t outbox = 0;
	int contacts = 0;
	int ret = outbox_count(a->db, &outbox);

	c->wanted = 0;
	if (!ret)
		ret = contact_each(a->db, count_contact, &contacts);
	if (!ret)
		ret = contact_each(a->db, add_unread, c);
	json_object_set_new(o, "outbox", json_integer(outbox));
	json_object_set_new(o, "contacts", json_integer(contacts));
	json_object_set_new(o, "unread", json_integer(c->wanted));
	json_object_set_new(o, "device", json_integer(a->keys->device));
	json_object_set_new(o, "list_version",
		json_integer((json_int_t)a->keys->list.version));
	return ret;
}

static json_t *vault_name(enum vault_kind kind)
{
	return kind == VAULT_PASSPHRASE ? json_string("passphrase") :
		kind == VAULT_KEY_FILE ? json_string("file") : json_null();
}

static enum api_step status(struct api_call *c)
{
	struct agent *a = c->a;
	json_t *o = json_object();
	char relay[RELAY_URL_MAX + 1];
	int ret = OK;

	json_object_set_new(o, "state", json_string(json_agent_state(a)));
	add_account(a, o);
	json_object_set_new(o, "connection", json_connection(a));
	if (a->trouble)
		json_object_set_new(o, "trouble",
				    json_string(agent_store_text(a->trouble)));
	if (a->state == AGENT_READY) {
		relay_url_text(owner_url(a->owner), relay);
		json_object_set_new(o, "relay", json_string(relay));
		ret = add_numbers(c, o);
	}
	json_object_set_new(o, "vault", vault_name(a->vault));
	json_object_set_new(o, "pid", json_integer(getpid()));
	json_object_set_new(o, "uptime_ms", json_integer((json_int_t)
		(sys_wall_ms(a->sys) - a->started_at)));
	if (ret) {
		json_decref(o);
		return api_fail_err(c, ret);
	}
	return api_result(c, o);
}

const struct api_method api_status = { "status", true, status, { { .name = NULL } } };

static enum api_step stop(struct api_call *c)
{
	c->a->stopping = true;
	uv_stop(c->a->loop);
	return api_result(c, json_object());
}

const struct api_method api_agent_stop = {
	"agent.stop", true, stop, { { .name = NULL } },
};
