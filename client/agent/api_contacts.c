/* link.get and contact.* */
#include "api_find.h"
#include "api_server.h"
#include "caps.h"
#include "compose.h"
#include "json_out.h"
#include "keys.h"
#include "link.h"
#include "notice.h"
#include "owner.h"
#include "sendq.h"

enum {
	LINK_WAIT_MS = 10 * 1000,
	LINK_RETRY_MS = 3 * 1000,	/* a try that far off is waited for */
};

/* ---- link.get ---- */

static bool link_ready(struct api_call *c)
{
	struct agent *a = c->a;
	struct link link = { .relay = *owner_url(a->owner),
			     .account = a->keys->account };
	char text[LINK_TEXT_MAX + 1];
	int ret = caps_link(a, link.capability);

	if (!ret) {
		link_set_name(&link, agent_name(a));
		link_text(&link, text);
		api_result(c, json_pack("{s:s}", "link", text));
		return true;
	}
	if (ret != ERR_NOT_FOUND) {
		api_fail_err(c, ret);
		return true;
	}
	return false;
}

static void no_link(struct api_call *c)
{
	struct relay_conn_status s = owner_status(c->a->owner);

	c->retry = true;
	api_fail(c, API_NETWORK, "there is no link yet, as the relay makes "
		 "it: %s", s.error ? s.error : "it was never reached");
}

/* It comes a moment after the account's first connection. */
static bool link_done(struct api_call *c)
{
	struct relay_conn_status s;

	if (link_ready(c))
		return true;
	s = owner_status(c->a->owner);
	if (s.state != CONN_OFFLINE &&
	    (s.state != CONN_WAITING ||
	     s.retry_at < sys_wall_ms(c->a->sys) + LINK_RETRY_MS))
		return false;
	no_link(c);
	return true;
}

static enum api_step get_link(struct api_call *c)
{
	if (!c->client || link_done(c))
		return API_DONE;
	api_wait(c, LINK_WAIT_MS, link_done, no_link);
	return API_LATER;
}

/* The picture is drawn where it is shown. */
const struct api_method api_link_get = {
	"link.get", false, get_link, { { "qr", API_BOOL, false } },
};

/* ---- answers ---- */

static enum api_step contact_result(struct api_call *c,
				    const struct contact *contact)
{
	json_t *o = json_object();

	json_object_set_new(o, "contact", json_contact(c->a, contact));
	return api_result(c, o);
}

static enum api_step save_result(struct api_call *c, struct contact *contact,
				 int ret)
{
	if (ret == ERR_EXISTS)
		return api_fail(c, API_USAGE, "another contact has that name");
	return ret ? api_fail_err(c, ret) : contact_result(c, contact);
}

static bool check_name(struct api_call *c, const char *name)
{
	if (!name[0] || strlen(name) > CONTACT_NAME_MAX)
		api_fail(c, API_USAGE, "a name has 1 to %d bytes",
			 CONTACT_NAME_MAX);
	else if (!contact_name_ok(name))
		api_fail(c, API_USAGE, "a name does not begin with + and is "
			 "not an account id");
	else
		return true;
	return false;
}

/* ---- contact.add ---- */

/* The same person by another link: a way that may work where the old does
 * not. */
static int add_again(struct agent *a, struct contact *c,
		     const struct link *link)
{
	int ret;

	if (c->state == CONTACT_REQUEST)
		return api_accept(a, c);
	/* Whoever had cut us off has forgotten the session too. */
	if (!c->has_capability) {
		ret = ratchet_forget(a->ratchet, &c->account);
		if (ret)
			return ret;
	}
	if (!c->answered) {
		relay_url_text(&link->relay, c->relay);
		memcpy(c->capability, link->capability, CAPABILITY_LEN);
		c->has_capability = true;
	}
	ret = contact_save(a->db, c);
	if (!ret)
		ret = notice_contact(a, c, "added");
	return ret ? ret : sendq_queued(a->sendq, c);
}

static int add_new(struct agent *a, struct contact *c,
		   const struct link *link, const char *name)
{
	int ret;

	*c = (struct contact){ .account = link->account,
			       .state = CONTACT_ADDED, .has_capability = true };
	if (name)
		snprintf(c->name, sizeof(c->name), "%s", name);
	else
		contact_suggest_name(c, link->name);
	snprintf(c->profile_name, sizeof(c->profile_name), "%s", link->name);
	relay_url_text(&link->relay, c->relay);
	memcpy(c->capability, link->capability, CAPABILITY_LEN);
	ret = contact_save(a->db, c);
	return ret ? ret : notice_contact(a, c, "added");
}

static int add_contact(struct agent *a, struct contact *c,
		       const struct link *link, const char *name)
{
	int ret = contact_by_account(a->db, &link->account, c);

	if (ret == ERR_NOT_FOUND)
		return add_new(a, c, link, name);
	if (ret)
		return ret;
	if (name)
		snprintf(c->name, sizeof(c->name), "%s", name);
	return add_again(a, c, link);
}

static enum api_step add(struct api_call *c)
{
	struct agent *a = c->a;
	const char *name = api_text(c, "name");
	struct link link;
	struct contact contact;
	int ret = link_parse(api_text(c, "link"), &link);

	if (ret)
		return api_fail(c, API_USAGE, "this is not a contact link: "
				"sotto://RELAY/ACCOUNT#...");
	if (account_equal(&link.account, &a->keys->account))
		return api_fail(c, API_USAGE, "this is your own link; "
				"give it to others");
	if (name && !check_name(c, name))
		return API_DONE;
	ret = turn_begin(a->turn);
	if (!ret)
		ret = turn_end(a->turn, add_contact(a, &contact, &link, name));
	return save_result(c, &contact, ret);
}

const struct api_method api_contact_add = {
	"contact.add", false, add, {
		{ "link", API_TEXT, true }, { "name", API_TEXT, false },
	},
};

/* ---- contact.list ---- */

struct listing {
	struct agent *a;
	json_t *list;
};

static int list_one(void *ctx, const struct contact *contact)
{
	struct listing *l = ctx;

	json_array_append_new(l->list, json_contact(l->a, contact));
	return 0;
}

static enum api_step list(struct api_call *c)
{
	struct listing l = { c->a, json_array() };
	int ret = contact_each(c->a->db, list_one, &l);

	if (ret) {
		json_decref(l.list);
		return api_fail_err(c, ret);
	}
	return api_result(c, json_pack("{s:o}", "contacts", l.list));
}

const struct api_method api_contact_list = {
	"contact.list", false, list, { { .name = NULL } },
};

/* ---- contact.accept, rename, verify ---- */

static enum api_step accept_request(struct api_call *c)
{
	struct agent *a = c->a;
	struct contact contact;
	int ret;

	if (!api_contact(c, "contact", &contact))
		return API_DONE;
	if (contact.state == CONTACT_BLOCKED)
		return api_fail(c, API_REFUSED, "%s is blocked", contact.name);
	if (contact.state == CONTACT_ADDED)
		return contact_result(c, &contact);
	ret = turn_begin(a->turn);
	if (!ret)
		ret = turn_end(a->turn, api_accept(a, &contact));
	return save_result(c, &contact, ret);
}

const struct api_method api_contact_accept = {
	"contact.accept", false, accept_request, { { "contact", API_TEXT, true } },
};

static int save_changed(struct agent *a, struct contact *contact,
			const char *change)
{
	int ret = turn_begin(a->turn);

	if (ret)
		return ret;
	ret = contact_save(a->db, contact);
	if (!ret)
		ret = notice_contact(a, contact, change);
	return turn_end(a->turn, ret);
}

static enum api_step rename_contact(struct api_call *c)
{
	const char *name = api_text(c, "name");
	struct contact contact;

	if (!check_name(c, name) || !api_contact(c, "contact", &contact))
		return API_DONE;
	snprintf(contact.name, sizeof(contact.name), "%s", name);
	return save_result(c, &contact,
			   save_changed(c->a, &contact, "renamed"));
}

const struct api_method api_contact_rename = {
	"contact.rename", false, rename_contact, {
		{ "contact", API_TEXT, true }, { "name", API_TEXT, true },
	},
};

static void after_verified(void *ctx, int err)
{
	struct agent *a = ctx;

	if (!err)
		sendq_pump(a->sendq);
}

static enum api_step verify(struct api_call *c)
{
	struct agent *a = c->a;
	struct contact contact;
	char number[72];
	int ret = OK;

	if (!api_contact(c, "contact", &contact))
		return API_DONE;
	if (!contact.has_list)
		return api_fail(c, API_NOT_FOUND, "the keys of %s are not "
				"known yet; they come with the first message",
				contact.name);
	safety_number(a->keys->root, contact.list.root, number);
	if (json_object_get(c->params, "verified")) {
		contact.verified = api_bool(c, "verified", false);
		/* Somebody has looked, and it was the same: sending may go on. */
		if (contact.verified)
			contact.alert = ALERT_NONE;
		ret = save_changed(a, &contact, "verified");
		if (!ret)
			turn_after(a->turn, after_verified, a);
	}
	if (ret)
		return api_fail_err(c, ret);
	return api_result(c, json_pack("{s:s, s:b}", "safety_number", number,
				       "verified", contact.verified));
}

const struct api_method api_contact_verify = {
	"contact.verify", false, verify, {
		{ "contact", API_TEXT, true }, { "verified", API_BOOL, false },
	},
};

/* ---- contact.block, contact.remove ---- */

static int revoke_one(void *ctx, const uint8_t cap[static CAPABILITY_LEN])
{
	return caps_revoke(ctx, cap);
}

/* Takes back what was given to it, and what waits for it. In a turn. */
static int cut_off(struct agent *a, struct contact *c, const char *why)
{
	int ret = contact_each_given(a->db, c->row, revoke_one, a);

	c->has_given = false;
	c->answered = false;
	return ret ? ret : sendq_forget(a->sendq, c, why);
}

static void after_cut(void *ctx, int err)
{
	struct agent *a = ctx;

	if (!err && a->owner)
		owner_poke(a->owner);
}

static int found_one(void *ctx, const uint8_t cap[static CAPABILITY_LEN])
{
	(void)ctx;
	(void)cap;
	return 1;
}

/* What a blocked one was before: somebody who wrote first and was never answered
 * has given us a capability and has none of ours. */
static int state_before(struct agent *a, const struct contact *c,
			enum contact_state *out)
{
	struct capability cap;
	int ret = contact_each_given(a->db, c->row, found_one, NULL);

	if (ret < 0)
		return ret;
	*out = !ret && c->has_capability &&
		!capability_read(c->capability, CAPABILITY_LEN, &cap) &&
		cap.class == CAP_CONTACT ? CONTACT_REQUEST : CONTACT_ADDED;
	return OK;
}

static int set_blocked(struct agent *a, struct contact *c, bool blocked)
{
	int ret;

	if (blocked) {
		ret = cut_off(a, c, "you have blocked them");
		c->state = CONTACT_BLOCKED;
	} else {
		ret = state_before(a, c, &c->state);
	}
	if (!ret)
		ret = contact_save(a->db, c);
	if (!ret)
		ret = notice_contact(a, c, "blocked");
	/* They need a new capability to write with. */
	if (!ret && c->state == CONTACT_ADDED && c->has_capability) {
		ret = compose_introduction(a, c);
		if (!ret)
			ret = sendq_queued(a->sendq, c);
	}
	return ret;
}

static enum api_step block(struct api_call *c)
{
	struct agent *a = c->a;
	struct contact contact;
	bool blocked = api_bool(c, "blocked", true);
	int ret;

	if (!api_contact(c, "contact", &contact))
		return API_DONE;
	if (blocked == (contact.state == CONTACT_BLOCKED))
		return contact_result(c, &contact);
	ret = turn_begin(a->turn);
	if (!ret)
		ret = turn_end(a->turn, set_blocked(a, &contact, blocked));
	if (!ret)
		turn_after(a->turn, after_cut, a);
	return save_result(c, &contact, ret);
}

const struct api_method api_contact_block = {
	"contact.block", false, block, {
		{ "contact", API_TEXT, true }, { "blocked", API_BOOL, true },
	},
};

static int forget(struct agent *a, struct contact *contact)
{
	int ret = cut_off(a, contact, "you have removed them");

	if (!ret)
		ret = notice_contact(a, contact, "removed");
	return ret ? ret : contact_remove(a->db, contact);
}

static enum api_step remove_contact(struct api_call *c)
{
	struct agent *a = c->a;
	struct contact contact;
	int ret;

	if (!api_contact(c, "contact", &contact))
		return API_DONE;
	ret = turn_begin(a->turn);
	if (!ret)
		ret = turn_end(a->turn, forget(a, &contact));
	if (ret)
		return api_fail_err(c, ret);
	turn_after(a->turn, after_cut, a);
	return api_result(c, json_object());
}

const struct api_method api_contact_remove = {
	"contact.remove", false, remove_contact, {
		{ "contact", API_TEXT, true },
	},
};
