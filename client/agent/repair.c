#include "repair.h"

#include "compose.h"
#include "log.h"
#include "notice.h"
#include "pb.h"
#include "sendq.h"
#include "timeline.h"

enum { HOUR_MS = 3600 * 1000 };

struct budget {
	int64_t contact;
	uint64_t since;		/* monotonic ms */
	unsigned used;
};

struct repair {
	struct agent *a;
	struct budget *budgets;
	size_t n;
};

struct repair *repair_create(struct agent *a)
{
	struct repair *r = xcalloc(1, sizeof(*r));

	r->a = a;
	return r;
}

void repair_destroy(struct repair *r)
{
	if (!r)
		return;
	free(r->budgets);
	free(r);
}

/* Whether one more may be sent again to the contact. */
static bool spend(struct repair *r, int64_t contact)
{
	uint64_t now = sys_mono_ms(r->a->sys);
	struct budget *b = NULL;

	for (size_t i = 0; i < r->n && !b; i++)
		if (r->budgets[i].contact == contact)
			b = &r->budgets[i];
	if (!b) {
		r->budgets = xrealloc(r->budgets,
				      (r->n + 1) * sizeof(*r->budgets));
		b = &r->budgets[r->n++];
		*b = (struct budget){ contact, now, 0 };
	}
	if (now - b->since >= HOUR_MS)
		*b = (struct budget){ contact, now, 0 };
	if (b->used >= REPAIR_AGAIN_MAX) {
		log_warn("a contact asks too often for messages again");
		return false;
	}
	b->used++;
	return true;
}

int repair_undecryptable(struct repair *r, struct contact *c,
			 const uint8_t envelope[static ENVELOPE_ID_LEN])
{
	struct agent *a = r->a;
	Sotto__Content content = SOTTO__CONTENT__INIT;
	Sotto__Repair ask = SOTTO__REPAIR__INIT;
	struct message m = {
		.contact = c->row,
		.clock = hlc_now(&a->clock),
		.state = MESSAGE_UNDECRYPTABLE,
		.text = "A message could not be decrypted",
	};
	int64_t count = 0;
	int ret = timeline_count_undecryptable(a->db, c->row, &count);

	if (ret)
		return ret;
	log_warn("an envelope of a contact could not be decrypted");
	if (count >= REPAIR_SHOWN_MAX)
		return OK;
	memcpy(m.id, envelope, MESSAGE_ID_LEN);
	memcpy(m.envelope, envelope, ENVELOPE_ID_LEN);
	m.sent_at = m.received_at = sys_wall_ms(a->sys);
	ret = history_add(a->db, &m);
	if (ret)
		return ret == ERR_DUPLICATE ? OK : ret;
	ret = notice_message(a, c, &m, NULL);
	if (ret || c->state != CONTACT_ADDED || !c->has_capability)
		return ret;
	ask.envelope = pb_bytes(envelope, ENVELOPE_ID_LEN);
	content.repair = &ask;
	ret = compose_control(a, c, &content);
	return ret ? ret : sendq_queued(a->sendq, c);
}

int repair_healed(struct repair *r, struct contact *c,
		  const uint8_t envelope[static ENVELOPE_ID_LEN], bool *had)
{
	struct message m;
	int ret = timeline_undecryptable(r->a->db, c->row, envelope, &m);

	*had = !ret;
	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	ret = history_remove(r->a->db, m.row);
	message_finish(&m);
	return ret;
}

int repair_asked(struct repair *r, struct contact *c,
		 const uint8_t envelope[static ENVELOPE_ID_LEN])
{
	struct agent *a = r->a;
	Sotto__Content nothing = SOTTO__CONTENT__INIT;
	struct message m;
	int ret;

	if (c->state != CONTACT_ADDED || !spend(r, c->row))
		return OK;
	ret = timeline_by_envelope(a->db, c->row, envelope, &m);
	if (!ret) {
		ret = compose_again(a, c, &m, envelope);
		message_finish(&m);
	} else if (ret == ERR_NOT_FOUND) {
		/* It was a receipt or the like: nothing to show. */
		nothing.heals = pb_bytes(envelope, ENVELOPE_ID_LEN);
		ret = compose_control(a, c, &nothing);
	}
	return ret ? ret : sendq_queued(a->sendq, c);
}

int repair_resend(struct repair *r, struct contact *c,
		  const uint64_t *counters, size_t n)
{
	struct agent *a = r->a;
	int ret = OK;

	if (c->state != CONTACT_ADDED)
		return OK;
	for (size_t i = 0; i < n && !ret && spend(r, c->row); i++) {
		struct message m;

		ret = history_get_counter(a->db, c->row, true,
					  a->keys->device, counters[i], &m);
		if (ret == ERR_NOT_FOUND) {
			ret = OK;
			continue;
		}
		if (ret)
			break;
		ret = compose_again(a, c, &m, NULL);
		message_finish(&m);
	}
	return ret ? ret : sendq_queued(a->sendq, c);
}
