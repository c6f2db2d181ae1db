#include "apply.h"

#include "compose.h"
#include "envelope.h"
#include "link.h"
#include "log.h"
#include "notice.h"
#include "order.h"
#include "owner.h"
#include "peers.h"
#include "receipts.h"
#include "repair.h"
#include "sendq.h"
#include "timeline.h"
#include "trust.h"

enum { REQUEST_TEXTS_MAX = 50 };	/* of somebody who is not accepted */

/* Whether the content is of the one who was authenticated, in this
 * conversation. */
static bool agrees(const struct incoming *m)
{
	const Sotto__Content *c = m->content;
	uint8_t conversation[HASH_LEN];

	if (content_check(c) || c->device != m->sealed->device ||
	    c->group_state.len || (c->heals.len &&
				   c->heals.len != ENVELOPE_ID_LEN) ||
	    (c->text && !c->counter))
		return false;
	conversation_id(&m->a->keys->account, &m->c.account, conversation);
	return c->conversation.len == HASH_LEN &&
		!memcmp(c->conversation.data, conversation, HASH_LEN);
}

/* ---- introductions ---- */

/* ERR_FORMAT: an introduction that cannot be used. */
static int read_introduction(struct agent *a,
			     const Sotto__Introduction *in,
			     struct contact *c)
{
	struct relay_url url;
	struct capability cap;
	struct link name;

	if (relay_url_parse(in->relay, &url) ||
	    capability_read(in->capability.data, in->capability.len, &cap) ||
	    cap.class != CAP_CONTACT)
		return ERR_FORMAT;
	/* Nobody may point us at services on this machine. */
	if (!url.tls && owner_url(a->owner)->tls)
		return ERR_FORMAT;
	relay_url_text(&url, c->relay);
	memcpy(c->capability, in->capability.data, CAPABILITY_LEN);
	c->has_capability = true;
	link_set_name(&name, in->name);
	snprintf(c->profile_name, sizeof(c->profile_name), "%s", name.name);
	return OK;
}

/* Somebody who is no contact yet. */
static int add_stranger(struct incoming *m)
{
	struct agent *a = m->a;
	struct contact *c = &m->c;
	bool accept = !strcmp(config_get(a->config, "contact-requests"),
			      "accept");
	int ret;

	contact_suggest_name(c, c->profile_name);
	c->state = accept ? CONTACT_ADDED : CONTACT_REQUEST;
	c->list = *m->list;
	c->has_list = true;
	/* Somebody who was removed and writes again: what came before that is
	 * not missing. */
	if (m->content->text)
		c->seen_counter = m->content->counter - 1;
	ret = contact_save(a->db, c);
	if (!ret)
		ret = notice_contact(a, c, "request");
	if (ret || !accept)
		return ret;
	ret = notice_contact(a, c, "accepted");
	if (!ret)
		ret = compose_introduction(a, c);
	return ret ? ret : sendq_queued(a->sendq, c);
}

/* Brings c up to date with how it can be reached. *drop: a stranger who does not
 * say it. */
static int introduce(struct incoming *m, bool *drop)
{
	const Sotto__Introduction *in = m->content->introduction;
	struct contact *c = &m->c;
	int ret;

	*drop = false;
	if (in && read_introduction(m->a, in, c)) {
		log_warn("an introduction makes no sense");
		in = NULL;
	}
	if (!c->row) {
		*drop = !in;
		ret = *drop ? OK : add_stranger(m);
		if (ret || *drop)
			return ret;
	}
	if (m->attributed && !c->answered) {
		/* It uses what our introduction gave. */
		c->answered = true;
		ret = contact_save(m->a->db, c);
		return ret ? ret : notice_contact(m->a, c, "answered");
	}
	return OK;
}

/* ---- trust ---- */

static int compare(uint64_t epoch, uint64_t version,
		   const struct device_list *held)
{
	if (epoch != held->epoch)
		return epoch < held->epoch ? -1 : 1;
	if (version != held->version)
		return version < held->version ? -1 : 1;
	return 0;
}

/* The lists that the content speaks of: its sender's, and ours as it holds it. */
static int check_lists(struct incoming *m)
{
	const Sotto__Content *c = m->content;
	const struct device_list *own = &m->a->keys->list;
	int ret, order;

	if (m->has_came) {
		ret = trust_list(m->a, &m->c, &m->came);
		if (ret)
			return ret == ERR_IDENTITY ? OK : ret;
	}
	order = compare(c->list_epoch, c->list_version, &m->c.list);
	if (order < 0)
		return trust_alert(m->a, &m->c, ALERT_ROLLBACK);
	if (order > 0)
		sendq_refresh_list(m->a->sendq, &m->c);
	else if (memcmp(m->sealed->list_hash.data, m->c.list.hash, HASH_LEN))
		return trust_alert(m->a, &m->c, ALERT_FORK);
	if (!c->peer_list_version)
		return OK;
	order = compare(c->peer_list_epoch, c->peer_list_version, own);
	if (order > 0 || (!order && (c->peer_list_hash.len != HASH_LEN ||
				     memcmp(c->peer_list_hash.data, own->hash,
					    HASH_LEN)))) {
		log_warn("a contact holds a device list of ours that we never "
			 "made");
		return trust_alert(m->a, &m->c, ALERT_FORK);
	}
	if (order < 0)
		m->c.answered = false;	/* it needs our list */
	return OK;
}

static int keep_keys(struct incoming *m)
{
	struct agent *a = m->a;
	uint32_t device = m->sealed->device;
	int ret = OK;

	m->c.suite_seen = m->sealed->suite;
	if (m->content->seal_key) {
		ret = peer_set_seal_key(a, m->list, device,
					m->content->seal_key);
		if (ret == ERR_FORMAT || ret == ERR_SIGNATURE ||
		    ret == ERR_IDENTITY) {
			log_warn("a contact's seal key does not verify");
			ret = OK;
		}
	}
	if (!ret && m->newest_seal)
		ret = peer_used_seal_key(a, &m->c.account, device,
					 a->seal_created);
	return ret;
}

/* ---- parts ---- */

static int take_receipt(struct incoming *m, const Sotto__Receipt *r)
{
	struct agent *a = m->a;
	enum message_state state = r->state == SOTTO__RECEIPT_STATE__READ ?
		MESSAGE_READ : MESSAGE_DELIVERED;
	struct message sent;
	bool changed = false;
	bool ours;
	int ret = history_get(a->db, r->message.data, &sent);

	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	ours = sent.outgoing && sent.contact == m->c.row;
	message_finish(&sent);
	if (!ours)
		return OK;
	ret = history_set_state(a->db, r->message.data, state, NULL, &changed);
	if (!ret && changed)
		ret = notice_receipt(a, &m->c, r->message.data, state, NULL);
	return ret == ERR_NOT_FOUND ? OK : ret;
}

static int on_seen(void *ctx, const struct message *sent)
{
	struct incoming *m = ctx;
	bool changed = false;
	int ret = history_set_state(m->a->db, sent->id, MESSAGE_DELIVERED,
				    NULL, &changed);

	if (!ret && changed)
		ret = notice_receipt(m->a, &m->c, sent->id, MESSAGE_DELIVERED,
				     NULL);
	return ret;
}

/* Whether what it had seen under a counter of ours is what we sent; *ours. What is
 * not held any more cannot be told apart. */
static int check_seen(struct incoming *m, const Sotto__Seen *seen, bool *ours)
{
	struct message sent;
	int ret = history_get_counter(m->a->db, m->c.row, true, seen->device,
				      seen->counter, &sent);

	*ours = true;
	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	*ours = !memcmp(sent.hash, seen->hash.data, HASH_LEN);
	message_finish(&sent);
	if (*ours)
		return OK;
	log_warn("a contact has seen another message of ours than we sent");
	return trust_alert(m->a, &m->c, ALERT_FORK);
}

/* What it had seen of ours was delivered. */
static int take_seen(struct incoming *m, const Sotto__Seen *seen)
{
	const struct keys *own = m->a->keys;
	bool ours;
	int ret;

	if (seen->account.len != ACCOUNT_LEN ||
	    memcmp(seen->account.data, own->account.b, ACCOUNT_LEN) ||
	    seen->device != own->device || seen->counter > m->c.sent_counter)
		return OK;
	ret = check_seen(m, seen, &ours);
	if (ret || !ours)
		return ret;
	return timeline_seen(m->a->db, m->c.row, seen->device, seen->counter,
			     on_seen, m);
}

/* Whether a stranger has written enough: the rest is asked for as missing once
 * the request is accepted. */
static int check_request(struct incoming *m, bool *full)
{
	int64_t held = 0;
	int ret;

	*full = false;
	if (m->c.state != CONTACT_REQUEST)
		return OK;
	ret = timeline_count(m->a->db, m->c.row, REQUEST_TEXTS_MAX, &held);
	*full = held >= REQUEST_TEXTS_MAX;
	return ret;
}

static int take_text(struct incoming *m)
{
	struct agent *a = m->a;
	const Sotto__Content *c = m->content;
	bool healed = false, full = false, stored;
	int ret = OK;

	if (c->heals.len)
		ret = repair_healed(a->repair, &m->c, c->heals.data, &healed);
	if (!ret && c->text)
		ret = check_request(m, &full);
	if (ret || !c->text || full)
		return ret;
	ret = order_take(a->order, &m->c, c, m->d->envelope.data,
			 healed ? c->heals.data : NULL, &stored);
	/* A repeated one may be there because the receipt was lost. */
	return ret ? ret : receipts_due(a->receipts, &m->c, c->message.data,
					MESSAGE_DELIVERED);
}

static int take_parts(struct incoming *m)
{
	struct agent *a = m->a;
	const Sotto__Content *c = m->content;
	int ret = take_text(m);

	for (size_t i = 0; i < c->n_seen && !ret; i++)
		ret = take_seen(m, c->seen[i]);
	for (size_t i = 0; i < c->n_receipts && !ret; i++)
		ret = take_receipt(m, c->receipts[i]);
	if (!ret && c->repair)
		ret = repair_asked(a->repair, &m->c,
				   c->repair->envelope.data);
	if (!ret && c->n_resend)
		ret = repair_resend(a->repair, &m->c, c->resend, c->n_resend);
	if (!ret && c->typing && m->c.state == CONTACT_ADDED)
		notice_typing(a, &m->c, c->typing->on);
	return ret;
}

/* Whether nothing but counters has changed. */
static bool only_progress(const struct contact *before,
			  const struct contact *c)
{
	return before->answered == c->answered &&
		!strcmp(before->relay, c->relay) &&
		!strcmp(before->profile_name, c->profile_name) &&
		before->has_capability == c->has_capability &&
		!memcmp(before->capability, c->capability, CAPABILITY_LEN) &&
		before->list.version == c->list.version &&
		before->list.epoch == c->list.epoch;
}

int apply(struct incoming *m)
{
	struct contact before;
	bool drop;
	int ret;

	if (!agrees(m)) {
		log_warn("a content does not agree with its envelope; dropped");
		return OK;
	}
	before = m->c;
	ret = introduce(m, &drop);
	if (!ret && drop) {
		log_warn("a stranger did not introduce itself; dropped");
		return ratchet_forget(m->a->ratchet, &m->c.account);
	}
	if (ret)
		return ret;
	hlc_seen(&m->a->clock, m->content->clock);
	sendq_heard(m->a->sendq, m->c.row);
	ret = check_lists(m);
	if (!ret)
		ret = keep_keys(m);
	if (!ret)
		ret = take_parts(m);
	if (ret)
		return ret;
	return only_progress(&before, &m->c) ?
		contact_progress(m->a->db, &m->c) :
		contact_save(m->a->db, &m->c);
}
