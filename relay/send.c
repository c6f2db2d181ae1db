#include "send.h"

#include <assert.h>

#include "admit.h"
#include "conn.h"
#include "core.h"
#include "deliver.h"
#include "fault.h"
#include "mailbox.h"

static const char conflict_text[] = "this id had another content";

/* A commit of some of a Send's slots. */
struct commit {
	struct storage_write write;
	struct send *send;
	struct slot **slots;		/* n, behind rows */
	size_t n;
	struct store_slot rows[];
};

static struct send *of_timer(struct timer *t)
{
	return (struct send *)((char *)t - offsetof(struct send, timer));
}

struct send *send_ref(struct send *s)
{
	s->refs++;
	return s;
}

void send_unref(struct send *s)
{
	struct core *core = s->core;
	size_t size = s->size;

	assert(s->refs > 0);
	if (--s->refs > 0)
		return;
	wheel_cancel(&core->wheel, &s->timer);
	free(s);
	core_release(core, size);
}

/* ---- the answer ---- */

static void leave_conn(struct send *s)
{
	if (!s->conn)
		return;
	*s->prev = s->next;
	if (s->next)
		s->next->prev = s->prev;
	s->conn = NULL;
}

void send_forget(struct conn *c)
{
	while (c->sends)
		leave_conn(c->sends);
}

static void answer_statuses(struct send *s, struct conn *c)
{
	Sotto__Sent m = SOTTO__SENT__INIT;

	m.id.data = s->id;
	m.id.len = sizeof(s->id);
	m.n_statuses = s->n;
	m.statuses = xcalloc(s->n, sizeof(*m.statuses));
	for (size_t i = 0; i < s->n; i++)
		m.statuses[i] = s->slots[i].status;
	conn_answer(c, SOTTO__SERVER_MESSAGE__OF_SENT, &m.base);
	free(m.statuses);
}

static void answer(struct send *s)
{
	struct conn *c = s->conn;

	s->core->open_sends--;
	leave_conn(s);
	if (c) {
		fault_point("relay.answer");
		if (s->conflict)
			conn_answer_error(c, SOTTO__ERROR_CODE__CONFLICT, 0,
					  s->id, conflict_text);
		else
			answer_statuses(s, c);
	}
	send_unref(s);
}

/* The slot has its status, which was the last one missing or not. */
static void finish(struct slot *slot, Sotto__SlotStatus status, bool stored)
{
	struct send *s = slot->send;

	slot->status = status;
	if (status == SOTTO__SLOT_STATUS__ACCEPTED)
		dedupe_add(&s->core->dedupe, slot->key, slot->digest);
	mailbox_settle(slot->mailbox, slot, stored);
	if (--s->open == 0)
		answer(s);
}

void send_acked(struct slot *slot)
{
	if (slot->state == SLOT_TAIL) {
		struct send *s = slot->send;

		mailbox_settle(slot->mailbox, slot, false);
		send_unref(s);
		return;
	}
	finish(slot, SOTTO__SLOT_STATUS__ACCEPTED, false);
}

/* ---- to the writer ---- */

static Sotto__SlotStatus status_of(int result, enum store_slot_status status)
{
	if (result < 0)
		return SOTTO__SLOT_STATUS__STORE_FAILED;
	switch (status) {
	case STORE_SLOT_STORED:
		return SOTTO__SLOT_STATUS__ACCEPTED;
	case STORE_SLOT_FULL:
		return SOTTO__SLOT_STATUS__MAILBOX_FULL;
	case STORE_SLOT_GONE:
		return SOTTO__SLOT_STATUS__LIST_NEWER;
	case STORE_SLOT_CONFLICT:
		break;	/* the whole Send is answered by an Error */
	}
	return SOTTO__SLOT_STATUS__STORE_FAILED;
}

static void on_commit(struct storage_write *w)
{
	struct commit *c = (struct commit *)w;
	struct send *s = c->send;

	for (size_t i = 0; i < c->n; i++) {
		Sotto__SlotStatus status = status_of(w->op.result,
						     c->rows[i].status);

		if (w->op.result == OK &&
		    c->rows[i].status == STORE_SLOT_CONFLICT)
			s->conflict = true;
		/* It may have been acknowledged meanwhile. */
		if (c->slots[i]->state == SLOT_WRITING)
			finish(c->slots[i], status,
			       status == SOTTO__SLOT_STATUS__ACCEPTED);
	}
	send_unref(s);
	free(c);
}

static bool chosen(const struct slot *slot, enum slot_state from,
		   const struct mailbox *mb)
{
	return slot->state == from && (!mb || slot->mailbox == mb);
}

/* Commits the slots that are in the state and, unless mb is NULL, of mb. */
static void commit(struct send *s, enum slot_state from,
		   const struct mailbox *mb)
{
	struct commit *c;
	size_t n = 0;

	for (size_t i = 0; i < s->n; i++)
		n += chosen(&s->slots[i], from, mb);
	if (n == 0)
		return;
	c = xcalloc(1, sizeof(*c) + n * (sizeof(c->rows[0]) +
					 sizeof(c->slots[0])));
	c->slots = (struct slot **)&c->rows[n];
	for (size_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slots[i];

		if (!chosen(slot, from, mb))
			continue;
		slot->state = SLOT_WRITING;
		mailbox_storing(slot->mailbox, slot->sequence);
		c->slots[c->n] = slot;
		c->rows[c->n] = (struct store_slot){
			.mailbox = slot->id, .sequence = slot->sequence,
			.class = slot->class, .sealed = slot->sealed,
		};
		memcpy(c->rows[c->n].capability, slot->capability,
		       CAPABILITY_ID_LEN);
		c->n++;
	}
	c->send = send_ref(s);
	c->write.done = on_commit;
	c->write.op.type = STORE_ENVELOPE;
	memcpy(c->write.op.u.envelope.id, s->id, ENVELOPE_ID_LEN);
	memcpy(c->write.op.u.envelope.ephemeral_key, s->ephemeral_key, 32);
	c->write.op.u.envelope.payload = s->payload;
	c->write.op.u.envelope.slots = c->rows;
	c->write.op.u.envelope.n_slots = c->n;
	core_write(s->core, &c->write);
}

void send_flush(struct send *s, const struct mailbox *mb)
{
	commit(s, SLOT_MEMORY, mb);
}

static void on_timer(struct timer *t)
{
	struct send *s = of_timer(t);

	for (size_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slots[i];

		if (slot->state == SLOT_MEMORY && slot->mailbox->owner)
			deliver_missed(slot->mailbox->owner);
	}
	commit(s, SLOT_MEMORY, NULL);
}

/* ---- receiving one ---- */

static void unpin(struct slot *slot, struct mailbox *mb)
{
	if (!mb)
		return;
	if (mb->mark == slot->send)
		mb->mark = NULL;
	mailbox_unpin(mb);
}

static void push_ephemeral(struct send *s)
{
	for (size_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slots[i];
		struct mailbox *mb = slot->mailbox;
		size_t bytes;

		if (slot->status == SOTTO__SLOT_STATUS__STATUS_UNSET) {
			slot->status = SOTTO__SLOT_STATUS__OFFLINE;
			if (mb->owner && deliver_room(mb->owner, &bytes) > 0) {
				deliver_push(mb->owner, &(struct delivery){
					.id = s->id,
					.capability = slot->capability,
					.ephemeral_key = s->ephemeral_key,
					.sealed = slot->sealed,
					.payload = s->payload,
				});
				slot->status = SOTTO__SLOT_STATUS__ACCEPTED;
			}
		}
		slot->mailbox = NULL;
		unpin(slot, mb);
	}
	answer(s);
}

static void push(struct send *s)
{
	bool waiting = false;

	/* Held open until all slots are on their way. */
	s->open = 1;
	for (size_t i = 0; i < s->n; i++) {
		struct slot *slot = &s->slots[i];
		struct mailbox *mb = slot->mailbox;

		slot->mailbox = NULL;
		if (slot->status == SOTTO__SLOT_STATUS__STATUS_UNSET) {
			s->open++;
			slot->state = mailbox_take(mb, slot) ?
				SLOT_MEMORY : SLOT_READY;
			waiting |= slot->state == SLOT_MEMORY;
		}
		unpin(slot, mb);
	}
	commit(s, SLOT_READY, NULL);
	if (waiting)
		wheel_set(&s->core->wheel, &s->timer,
			  core_now(s->core) + core_ack_wait(s->core),
			  on_timer);
	if (--s->open == 0)
		answer(s);
}

/* Owners are read from when senders are not, so their mail needs a bound. */
static void answer_crowded(struct conn *c, const Sotto__Send *m)
{
	Sotto__Sent out = SOTTO__SENT__INIT;

	out.id = m->id;
	out.n_statuses = m->n_slots;
	out.statuses = xcalloc(m->n_slots, sizeof(*out.statuses));
	for (size_t i = 0; i < m->n_slots; i++)
		out.statuses[i] = SOTTO__SLOT_STATUS__STORE_FAILED;
	conn_answer(c, SOTTO__SERVER_MESSAGE__OF_SENT, &out.base);
	free(out.statuses);
}

void send_begin(struct conn *c, const Sotto__ClientMessage *message)
{
	const Sotto__Send *m = message->send;
	const char *wrong = admit_sizes(m);
	struct send *s;
	int err;

	if (wrong) {
		conn_fail(c, SOTTO__ERROR_CODE__MALFORMED, wrong);
		return;
	}
	if (!conn_begin(c))
		return;
	if (c->core->memory > 2 * c->core->settings.memory_max) {
		conn_pause(c, true);
		answer_crowded(c, m);
		return;
	}
	s = admit_copy(c->core, m);
	err = admit_slots(s, m);
	if (err < 0) {
		for (size_t i = 0; i < s->n; i++)
			unpin(&s->slots[i], s->slots[i].mailbox);
		send_unref(s);
		if (err == ERR_CONFLICT)
			conn_answer_error(c, SOTTO__ERROR_CODE__CONFLICT, 0,
					  m->id.data, conflict_text);
		else
			conn_fail(c, SOTTO__ERROR_CODE__MALFORMED,
				  "Send: a mailbox stands twice");
		return;
	}
	s->core->open_sends++;
	s->conn = c;
	s->next = c->sends;
	if (s->next)
		s->next->prev = &s->next;
	s->prev = &c->sends;
	c->sends = s;
	if (c->core->crowded)
		conn_pause(c, true);
	if (m->ephemeral)
		push_ephemeral(s);
	else
		push(s);
}
