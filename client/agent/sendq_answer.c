/* What relays answer to Sends. */
#include "fault.h"
#include "log.h"
#include "notice.h"
#include "pb.h"
#include "sendq_int.h"
#include "timeline.h"

/* What the statuses of an envelope's slots come to. */
enum verdict { SENT, RETRY, REFUSED, OTHER_DEVICES };

static enum verdict judge(const Sotto__Sent *sent)
{
	bool retry = false, accepted = false, newer = false;

	for (size_t i = 0; i < sent->n_statuses; i++) {
		switch (sent->statuses[i]) {
		case SOTTO__SLOT_STATUS__ACCEPTED:
			accepted = true;
			break;
		case SOTTO__SLOT_STATUS__NO_CAPABILITY:
			break;
		case SOTTO__SLOT_STATUS__LIST_NEWER:
			newer = true;
			break;
		default:
			retry = true;
			break;
		}
	}
	return newer ? OTHER_DEVICES : retry ? RETRY :
		accepted ? SENT : REFUSED;
}

/* The entry at a row of the lane. */
static int entry_at(struct lane *l, int64_t row, struct outbox_entry *e)
{
	int ret = outbox_next(l->q->a->db, l->contact, row - 1, e);

	if (!ret && e->row != row) {
		buf_wipe(&e->bytes);
		ret = ERR_NOT_FOUND;
	}
	return ret;
}

/* Gives the entry's Send the capability that c has now, and then another id;
 * *changed tells. anew: another id in any case. */
static int readdress(struct lane *l, const struct contact *c,
		     struct outbox_entry *e, bool anew, bool *changed)
{
	struct agent *a = l->q->a;
	Sotto__Send *send = sotto__send__unpack(NULL, e->bytes.len,
						e->bytes.data);
	int ret = OK;

	if (!send)
		return ERR_CORRUPT;
	*changed = false;
	for (size_t i = 0; i < send->n_slots; i++) {
		ProtobufCBinaryData *cap = &send->slots[i]->capability;

		if (cap->len == CAPABILITY_LEN &&
		    memcmp(cap->data, c->capability, CAPABILITY_LEN)) {
			memcpy(cap->data, c->capability, CAPABILITY_LEN);
			*changed = true;
		}
	}
	if (!*changed && !anew)
		goto out;
	sys_random(a->sys, e->envelope, sizeof(e->envelope));
	memcpy(send->id.data, e->envelope, ENVELOPE_ID_LEN);
	buf_clear(&e->bytes);
	ret = pb_append(&e->bytes, &send->base);
	if (!ret)
		ret = outbox_encrypted(a->db, e);
	if (!ret && e->kind == OUTBOX_TEXT)
		ret = timeline_set_envelope(a->db, e->contact, e->message,
					   e->envelope);
out:
	sotto__send__free_unpacked(send, NULL);
	return ret;
}

static int on_accepted(struct lane *l, struct contact *c,
		       const struct inflight *f)
{
	struct agent *a = l->q->a;
	bool changed = false;
	int ret = outbox_remove(a->db, f->row);

	l->failures = 0;
	if (ret || f->kind != OUTBOX_TEXT)
		return ret;
	ret = history_set_state(a->db, f->message, MESSAGE_SENT, NULL,
				&changed);
	if (!ret && changed)
		ret = notice_receipt(a, c, f->message, MESSAGE_SENT, NULL);
	return ret;
}

/* They have taken our capability back: nothing that waits will arrive, and only a
 * new link helps. */
static int cut_off(struct lane *l, struct contact *c)
{
	int ret = sendq_forget(l->q, c, "they do not accept messages from you "
			       "any more: ask them for a new link");

	c->has_capability = c->answered = false;
	return ret ? ret : contact_save(l->q->a->db, c);
}

static int on_refused(struct lane *l, struct contact *c,
		      const struct inflight *f)
{
	struct outbox_entry e;
	bool changed;
	int ret = entry_at(l, f->row, &e);

	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	ret = readdress(l, c, &e, false, &changed);
	if (!ret && changed)
		lane_hold(l, false);
	else if (!ret)
		ret = cut_off(l, c);
	buf_wipe(&e.bytes);
	return ret;
}

/* Later; with a better capability when one has come meanwhile. */
static int on_retry(struct lane *l, const struct contact *c,
		    const struct inflight *f)
{
	struct outbox_entry e;
	bool changed = false;
	int ret = entry_at(l, f->row, &e);

	if (ret) {
		lane_hold(l, true);
		return ret == ERR_NOT_FOUND ? OK : ret;
	}
	ret = outbox_attempted(l->q->a->db, f->row);
	if (!ret)
		ret = readdress(l, c, &e, false, &changed);
	lane_hold(l, !changed);
	buf_wipe(&e.bytes);
	return ret;
}

/* In a turn. */
static int settle(struct lane *l, const struct inflight *f,
		  enum verdict verdict)
{
	struct agent *a = l->q->a;
	struct contact c;
	int ret = contact_by_row(a->db, l->contact, &c);

	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	switch (verdict) {
	case SENT:
		return on_accepted(l, &c, f);
	case RETRY:
		return on_retry(l, &c, f);
	case REFUSED:
		return on_refused(l, &c, f);
	case OTHER_DEVICES:
		l->stale = l->want_bundles = true;
		l->list_only = false;
		/* At once the first time: somebody has a new device. */
		lane_hold(l, l->failures > 0);
		if (!l->failures)
			l->failures = 1;
		return outbox_attempted(a->db, f->row);
	}
	return OK;
}

static bool take_inflight(struct sender *s, const ProtobufCBinaryData *id,
			  struct inflight *out)
{
	for (unsigned i = 0; i < s->n_inflight; i++) {
		struct inflight *f = &s->inflight[i];

		if (id->len != ENVELOPE_ID_LEN ||
		    memcmp(f->envelope, id->data, ENVELOPE_ID_LEN))
			continue;
		*out = *f;
		if (f->row)
			f->lane->inflight--;
		/* In order, since the next answer is most likely the next. */
		s->n_inflight--;
		memmove(f, f + 1, (s->n_inflight - i) * sizeof(*f));
		return true;
	}
	return false;
}

static void after_settled(void *ctx, int err)
{
	struct sendq *q = ctx;

	if (err)
		return;
	q->failures = 0;
	sendq_pump(q);
}

static void finish(struct sendq *q, int ret)
{
	if (ret) {
		log_error("an answer was not stored: %s", err_text(ret));
		sendq_store_failed(q);
	} else {
		turn_after(q->a->turn, after_settled, q);
	}
}

void sendq_on_sent(void *ctx, const Sotto__Sent *sent)
{
	struct sender *s = ctx;
	struct turn *turn = s->q->a->turn;
	struct inflight f;
	int ret;

	if (!take_inflight(s, &sent->id, &f)) {
		log_warn("a relay answers an envelope that was not sent");
		return;
	}
	if (!f.row) {
		f.lane->away = sent->statuses[0] !=
			SOTTO__SLOT_STATUS__ACCEPTED;
		return;
	}
	fault_point("agent.sent");
	ret = turn_enter(turn);
	if (!ret)
		ret = turn_leave(turn, settle(f.lane, &f, judge(sent)));
	finish(s->q, ret);
}

/* The id is used up by another content: ours was never seen under it. */
static int on_conflict(struct lane *l, const struct inflight *f)
{
	struct contact c;
	struct outbox_entry e;
	bool changed;
	int ret = contact_by_row(l->q->a->db, l->contact, &c);

	if (!ret)
		ret = entry_at(l, f->row, &e);
	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	log_warn("a relay says that an envelope's id is in use; taking another");
	ret = readdress(l, &c, &e, true, &changed);
	buf_wipe(&e.bytes);
	lane_hold(l, true);
	return ret;
}

void sendq_on_error(void *ctx, const Sotto__Error *e)
{
	struct sender *s = ctx;
	struct turn *turn = s->q->a->turn;
	struct inflight f;
	int ret;

	log_warn("a relay answers error %d: %s", (int)e->code, e->text);
	if (!e->id.len || sendq_fetch_error(s, e) ||
	    !take_inflight(s, &e->id, &f) || !f.row)
		return;
	ret = turn_begin(turn);
	if (!ret)
		ret = turn_end(turn, e->code == SOTTO__ERROR_CODE__CONFLICT ?
			       on_conflict(f.lane, &f) :
			       settle(f.lane, &f, RETRY));
	finish(s->q, ret);
}
