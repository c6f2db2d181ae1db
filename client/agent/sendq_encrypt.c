/* What stands clear in a lane, or for other devices than the contact has now. */
#include "compose.h"
#include "log.h"
#include "peers.h"
#include "sendq_int.h"

enum { ENCRYPT_BATCH = 64 };	/* entries of one turn */

bool lane_needs_fresh(struct lane *l, const struct contact *c,
		      const struct outbox_entry *e)
{
	Sotto__Content *content;
	bool fresh;

	if (e->kind != OUTBOX_CONTROL || e->encrypted)
		return false;
	content = sotto__content__unpack(NULL, e->bytes.len, e->bytes.data);
	fresh = content && content->repair && c->has_list &&
		peer_may_repair(l->q->a, &c->account, c->list.devices[0].id);
	if (content)
		sotto__content__free_unpacked(content, NULL);
	return fresh;
}

/* OK; ERR_NOT_FOUND: fetch first; ERR_FULL: wait. These and ERR_IDENTITY are found
 * before anything is stored that could not stay. */
static int encrypt_one(struct lane *l, struct contact *c,
		       struct outbox_entry *e)
{
	struct agent *a = l->q->a;
	int ret;

	if (lane_needs_fresh(l, c, e) || !compose_can_encrypt(a, c))
		return ERR_NOT_FOUND;
	ret = compose_encrypt(a, c, e);
	/* It would stand in the way for ever. */
	if (ret == ERR_TOO_BIG || ret == ERR_FORMAT)
		ret = lane_fail(l, c, e, "it could not be encrypted");
	return ret;
}

int lane_encrypt(struct lane *l, struct contact *c, unsigned *n)
{
	struct agent *a = l->q->a;
	int ret = OK;

	*n = 0;
	if (c->alert || c->state != CONTACT_ADDED || l->want_bundles)
		return OK;
	while (*n < ENCRYPT_BATCH) {
		struct outbox_entry e;

		ret = outbox_first_clear(a->db, c->row, &e);
		if (ret == ERR_NOT_FOUND)
			return OK;
		if (ret)
			return ret;
		ret = encrypt_one(l, c, &e);
		buf_wipe(&e.bytes);
		if (ret)
			break;
		++*n;
	}
	switch (ret) {
	case ERR_NOT_FOUND:
		l->want_bundles = true;
		l->list_only = false;
		return OK;
	case ERR_FULL:		/* the owner connection brings capabilities */
		return OK;
	case ERR_IDENTITY:
		log_warn("a device's key is not in its list: not sending");
		lane_hold(l, true);
		return OK;
	default:
		return ret;
	}
}

int lane_encrypt_again(struct lane *l, struct contact *c,
		       struct outbox_entry *e)
{
	struct agent *a = l->q->a;
	struct message m;
	int ret;

	if (e->kind != OUTBOX_TEXT) {
		/* Receipts and the like were for a device that is gone. */
		log_info("a control message for a former device is dropped");
		return outbox_remove(a->db, e->row);
	}
	if (!compose_can_encrypt(a, c)) {
		l->want_bundles = true;
		l->list_only = false;
		return OK;
	}
	ret = history_get(a->db, e->message, &m);
	if (ret)
		return ret == ERR_NOT_FOUND ? outbox_remove(a->db, e->row) :
			ret;
	ret = compose_encrypt_again(a, c, &m, e);
	message_finish(&m);
	return ret;
}
