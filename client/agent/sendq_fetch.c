/* Getting device lists and bundles, and starting sessions. */
#include "log.h"
#include "notice.h"
#include "pb.h"
#include "peers.h"
#include "sendq_int.h"
#include "trust.h"

void lane_fetch(struct lane *l, const struct contact *c)
{
	static const uint8_t none[sizeof(l->fetch_id)];
	Sotto__Fetch fetch = SOTTO__FETCH__INIT;
	Sotto__ClientMessage m = SOTTO__CLIENT_MESSAGE__INIT;

	/* The same id after a lost connection: the same prekeys. */
	if (!memcmp(l->fetch_id, none, sizeof(none)))
		sys_random(l->q->a->sys, l->fetch_id, sizeof(l->fetch_id));
	fetch.id = pb_bytes(l->fetch_id, sizeof(l->fetch_id));
	fetch.account = pb_bytes(c->account.b, ACCOUNT_LEN);
	fetch.capability = pb_bytes(c->capability, CAPABILITY_LEN);
	fetch.list_only = l->list_only;
	m.of_case = SOTTO__CLIENT_MESSAGE__OF_FETCH;
	m.fetch = &fetch;
	if (!relay_conn_send(l->sender->conn, &m))
		l->fetching = true;
}

static struct lane *find(struct sender *s, const ProtobufCBinaryData *id)
{
	for (size_t i = 0; i < s->q->n_lanes; i++) {
		struct lane *l = s->q->lanes[i];

		if (l->fetching && l->sender == s &&
		    id->len == sizeof(l->fetch_id) &&
		    !memcmp(id->data, l->fetch_id, sizeof(l->fetch_id)))
			return l;
	}
	return NULL;
}

static const Sotto__DeviceBundle *find_bundle(const Sotto__Fetched *f,
					      uint32_t device)
{
	for (size_t i = 0; i < f->n_bundles; i++)
		if (f->bundles[i]->bundle &&
		    f->bundles[i]->bundle->device == device)
			return f->bundles[i];
	return NULL;
}

/* A session with one device of c's list, from what the relay gave. */
static int start_session(struct agent *a, struct contact *c, uint32_t device,
			 bool repair, const Sotto__Fetched *f)
{
	const Sotto__DeviceBundle *b = find_bundle(f, device);
	int ret;

	if (!b)
		return ERR_REFUSED;
	ret = bundle_verify(b->bundle, &c->list);
	if (ret)
		return ret;
	if (b->bundle->suite < c->suite_seen)
		return ERR_IDENTITY;
	if (b->bundle->suite > SUITE_CURRENT)
		return ERR_STALE;	/* we are: they speak a later version */
	ret = ratchet_start(a->ratchet, &c->list, b);
	if (!ret)
		ret = peer_set_seal_key(a, &c->list, device,
					b->bundle->seal_key);
	if (!ret && repair)
		ret = peer_repaired(a, &c->account, device);
	return ret;
}

static int start_sessions(struct lane *l, struct contact *c,
			  const Sotto__Fetched *f)
{
	struct agent *a = l->q->a;
	struct outbox_entry e;
	uint8_t key[SEAL_KEY_LEN];
	bool fresh;
	int ret = outbox_first_clear(a->db, c->row, &e);

	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	fresh = !ret && lane_needs_fresh(l, c, &e);
	if (!ret)
		buf_wipe(&e.bytes);
	for (unsigned i = 0; i < c->list.n; i++) {
		uint32_t device = c->list.devices[i].id;

		if (!fresh &&
		    ratchet_has_session(a->ratchet, &c->account, device) &&
		    !peer_seal_key(a, &c->account, device, key))
			continue;
		ret = start_session(a, c, device, fresh, f);
		if (ret)
			return ret;
	}
	return OK;
}

/* *alarm: the list was refused; that is to be kept. */
static int take(struct lane *l, const Sotto__Fetched *f, bool *alarm)
{
	struct agent *a = l->q->a;
	struct device_list list;
	struct contact c;
	unsigned n;
	int ret = contact_by_row(a->db, l->contact, &c);

	if (ret)
		return ret;
	if (!f->list)
		return ERR_FORMAT;
	ret = device_list_verify(f->list, &list);
	if (ret)
		return ret;
	ret = trust_list(a, &c, &list);
	if (ret == ERR_IDENTITY && c.alert) {
		*alarm = true;
		return OK;
	}
	if (ret || l->list_only)
		return ret;
	ret = start_sessions(l, &c, f);
	if (ret)
		return ret;
	l->want_bundles = false;
	return lane_encrypt(l, &c, &n);
}

/* Tells people once when it begins and once when it is over. */
static void set_wrong_keys(struct lane *l, bool wrong)
{
	struct agent *a = l->q->a;
	struct contact c;
	int ret;

	if (l->wrong_keys == wrong)
		return;
	l->wrong_keys = wrong;
	ret = turn_begin(a->turn);
	if (ret)
		return;
	ret = contact_by_row(a->db, l->contact, &c);
	if (!ret)
		ret = notice_contact(a, &c, "trouble");
	ret = turn_end(a->turn, ret == ERR_NOT_FOUND ? OK : ret);
	if (ret)
		log_error("a contact's trouble was not noted: %s",
			  err_text(ret));
}

void sendq_on_fetched(void *ctx, const Sotto__Fetched *f)
{
	struct sender *s = ctx;
	struct turn *turn = s->q->a->turn;
	struct lane *l = find(s, &f->id);
	bool alarm = false, list_only;
	int ret;

	if (!l) {
		log_warn("a relay answers a question that was not asked");
		return;
	}
	l->fetching = false;
	list_only = l->list_only;
	memset(l->fetch_id, 0, sizeof(l->fetch_id));
	ret = turn_begin(turn);
	if (!ret)
		ret = turn_end(turn, take(l, f, &alarm));
	switch (ret) {
	case OK:
		if (alarm || list_only)
			l->want_bundles = false;
		l->stale = false;
		set_wrong_keys(l, false);
		turn_after(turn, sendq_after_change, s->q);
		break;
	case ERR_STORE:
	case ERR_NO_SPACE:
	case ERR_CORRUPT:
		l->want_bundles = true;
		sendq_store_failed(s->q);
		break;
	default:
		log_warn("a relay gave keys of a contact that are wrong: %s",
			 err_text(ret));
		set_wrong_keys(l, true);
		l->want_bundles = true;
		lane_hold(l, true);
		turn_after(turn, sendq_after_change, s->q);
		break;
	}
}

/* No way to the contact: what waits for a session will never go. */
static int fail_clear(struct lane *l)
{
	struct agent *a = l->q->a;
	struct contact c;
	int ret = contact_by_row(a->db, l->contact, &c);

	while (!ret) {
		struct outbox_entry e;

		ret = outbox_first_clear(a->db, c.row, &e);
		if (ret)
			break;
		ret = lane_fail(l, &c, &e, "their link is not valid any more: "
				"ask them for a new one");
		buf_wipe(&e.bytes);
	}
	return ret == ERR_NOT_FOUND ? OK : ret;
}

bool sendq_fetch_error(struct sender *s, const Sotto__Error *e)
{
	struct turn *turn = s->q->a->turn;
	struct lane *l = find(s, &e->id);
	int ret;

	if (!l)
		return false;
	l->fetching = false;
	switch (e->code) {
	case SOTTO__ERROR_CODE__NO_ACCESS:
		memset(l->fetch_id, 0, sizeof(l->fetch_id));
		l->want_bundles = l->stale = false;
		if (l->list_only)
			break;
		ret = turn_begin(turn);
		if (!ret)
			ret = turn_end(turn, fail_clear(l));
		if (ret) {
			l->want_bundles = true;
			sendq_store_failed(s->q);
		}
		break;
	case SOTTO__ERROR_CODE__CONFLICT:
		memset(l->fetch_id, 0, sizeof(l->fetch_id));
		break;
	default:
		lane_hold(l, true);
		break;
	}
	turn_after(turn, sendq_after_change, s->q);
	return true;
}
