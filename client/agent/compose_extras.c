/* What is added to a content when it is encrypted: by then it may be old, and this
 * is to be new. */
#include "caps.h"
#include "compose_int.h"
#include "pb.h"
#include "peers.h"
#include "timeline.h"

void compose_extras_finish(struct compose_extras *x)
{
	if (x->bundle)
		sotto__bundle__free_unpacked(x->bundle, NULL);
}

static int add_seal_key(struct agent *a, const struct contact *c,
			Sotto__Content *content, struct compose_extras *x)
{
	struct buf b;
	int ret;

	if (peer_knows_seal_key(a, &c->account, c->list.devices[0].id,
				a->seal_created))
		return OK;
	buf_init(&b, 4096);
	ret = keys_bundle_encoded(a->db, &b);
	if (!ret)
		x->bundle = sotto__bundle__unpack(NULL, b.len, b.data);
	buf_finish(&b);
	if (ret)
		return ret;
	if (!x->bundle)
		return ERR_CORRUPT;
	content->seal_key = x->bundle->seal_key;
	return OK;
}

/* The newest that was shown of the other side's. */
static int add_seen(struct agent *a, const struct contact *c,
		    Sotto__Content *content, struct compose_extras *x)
{
	struct message m;
	bool gap;
	int ret;

	if (!c->seen_counter)
		return OK;
	ret = history_get_counter(a->db, c->row, false, c->list.devices[0].id,
				  c->seen_counter, &m);
	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	memcpy(x->seen_hash, m.hash, HASH_LEN);
	gap = m.state == MESSAGE_GAP;
	message_finish(&m);
	if (gap)	/* not seen, and no hash */
		return OK;
	x->seen = (Sotto__Seen)SOTTO__SEEN__INIT;
	x->seen.account = pb_bytes(c->account.b, ACCOUNT_LEN);
	x->seen.device = c->list.devices[0].id;
	x->seen.counter = c->seen_counter;
	x->seen.hash = pb_bytes(x->seen_hash, HASH_LEN);
	x->seen_list[0] = &x->seen;
	content->n_seen = 1;
	content->seen = x->seen_list;
	return OK;
}

/* A capability for c to write to us with, unless it has one. ERR_FULL: none is
 * left. */
static int give(struct agent *a, struct contact *c, bool anew)
{
	int ret;

	if (c->has_given && !anew)
		return OK;
	ret = caps_take(a, c->given);
	if (ret)
		return ret == ERR_NOT_FOUND ? ERR_FULL : ret;
	c->has_given = true;
	return contact_save(a->db, c);
}

/* How to answer, until they have; and once a month with a new capability, while
 * those before stay good for their year. */
static int add_introduction(struct agent *a, struct contact *c,
			    Sotto__Content *content, struct compose_extras *x)
{
	bool renew = c->answered && c->has_given && content->counter &&
		caps_old(a, c->given);
	struct buf relay;
	int ret;

	if (c->answered && !renew)
		return OK;
	ret = give(a, c, renew);
	if (ret)
		return renew && ret == ERR_FULL ? OK : ret;
	buf_init(&relay, sizeof(x->relay) - 1);
	ret = db_get(a->db, "relay", &relay);
	if (!ret) {
		memcpy(x->relay, relay.data, relay.len);
		x->relay[relay.len] = '\0';
	}
	buf_finish(&relay);
	x->introduction = (Sotto__Introduction)SOTTO__INTRODUCTION__INIT;
	x->introduction.relay = x->relay;
	x->introduction.name = (char *)(uintptr_t)agent_name(a);
	x->introduction.capability = pb_bytes(c->given, CAPABILITY_LEN);
	content->introduction = &x->introduction;
	return ret;
}

int compose_add_extras(struct agent *a, struct contact *c,
		       Sotto__Content *content, struct compose_extras *x)
{
	int ret;

	content->list_version = a->keys->list.version;
	content->list_epoch = a->keys->list.epoch;
	content->peer_list_version = c->list.version;
	content->peer_list_epoch = c->list.epoch;
	content->peer_list_hash = pb_bytes(c->list.hash, HASH_LEN);
	ret = add_introduction(a, c, content, x);
	if (!ret)
		ret = add_seal_key(a, c, content, x);
	if (!ret && content->counter)
		ret = add_seen(a, c, content, x);
	return ret;
}
