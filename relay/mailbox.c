#include "mailbox.h"

#include <assert.h>

#include "core.h"
#include "deliver.h"
#include "drain.h"
#include "log.h"
#include "send.h"

enum {
	RETRY_MS = 1000,		/* after a failure of the store */
	TAIL_BYTES_MAX = 512 * 1024,	/* kept in memory while a read runs */
};

static void maybe_free(struct mailbox *mb);
static void delete_acked(struct mailbox *mb);

/* ---- the table ---- */

/* NULL when it is not in memory. */
static struct mailbox *find(struct core *core, const struct mailbox_id *id)
{
	uint64_t hash = table_hash(&core->mailboxes, id, sizeof(*id));

	for (struct table_node *n = table_first(&core->mailboxes, hash); n;
	     n = table_next(n)) {
		struct mailbox *mb = (struct mailbox *)n;

		if (memcmp(&mb->id, id, sizeof(*id)) == 0)
			return mb;
	}
	return NULL;
}

struct mailbox *mailbox_pin(struct core *core, const struct mailbox_id *id)
{
	struct mailbox *mb = find(core, id);

	if (!mb) {
		mb = xcalloc(1, sizeof(*mb));
		mb->core = core;
		mb->id = *id;
		mb->dropped = UINT64_MAX;
		table_insert(&core->mailboxes, &mb->node,
			     table_hash(&core->mailboxes, id, sizeof(*id)));
	}
	mb->pins++;
	return mb;
}

static void destroy(struct mailbox *mb)
{
	wheel_cancel(&mb->core->wheel, &mb->timer);
	table_remove(&mb->core->mailboxes, &mb->node);
	free(mb);
}

void mailbox_unpin(struct mailbox *mb)
{
	assert(mb->pins > 0);
	mb->pins--;
	maybe_free(mb);
}

void mailbox_destroy_all(struct core *core)
{
	struct table_node *n;

	while ((n = table_any(&core->mailboxes))) {
		struct mailbox *mb = (struct mailbox *)n;

		assert(!mb->first && !mb->owner && !mb->reading && !mb->acking);
		destroy(mb);
	}
}

static bool must_delete(const struct mailbox *mb)
{
	uint64_t upto = mb->stored < mb->acked ? mb->stored : mb->acked;

	return upto > mb->deleted;
}

static void on_leave(struct timer *t)
{
	maybe_free((struct mailbox *)((char *)t -
				      offsetof(struct mailbox, timer)));
}

/* The numbers it gave are below those that it would give when made anew, so
 * that forgetting it repeats none: else it stays until the clock is there. */
static void maybe_free(struct mailbox *mb)
{
	struct core *core = mb->core;

	if (mb->pins > 0 || mb->owner || mb->first || mb->reading ||
	    mb->acking || must_delete(mb))
		return;
	if (mb->last < core_sequence_floor(core))
		destroy(mb);
	else
		wheel_set(&core->wheel, &mb->timer, core_now(core) + 1000,
			  on_leave);
}

/* ---- the list of slots ---- */

static void append(struct mailbox *mb, struct slot *s)
{
	s->prev = mb->end;
	s->next = NULL;
	*(mb->end ? &mb->end->next : &mb->first) = s;
	mb->end = s;
}

static void unlink_slot(struct mailbox *mb, struct slot *s)
{
	*(s->prev ? &s->prev->next : &mb->first) = s->next;
	*(s->next ? &s->next->prev : &mb->end) = s->prev;
	s->mailbox = NULL;
	mailbox_unpin(mb);
}

void mailbox_drop_tail(struct mailbox *mb)
{
	for (struct slot *s = mb->first, *next; s; s = next) {
		struct send *send = s->send;

		next = s->next;
		if (s->state != SLOT_TAIL)
			continue;
		if (s->sequence > mb->pushed && s->sequence < mb->dropped)
			mb->dropped = s->sequence;
		s->state = SLOT_DONE;
		unlink_slot(mb, s);
		send_unref(send);
	}
	mb->tail_bytes = 0;
}

void mailbox_settle(struct mailbox *mb, struct slot *s, bool stored)
{
	mb->pins++;
	if (stored && mb->reading && !mb->stale && s->sequence > mb->pushed) {
		s->state = SLOT_TAIL;
		send_ref(s->send);
		mb->tail_bytes += s->send->size;
		if (mb->tail_bytes > TAIL_BYTES_MAX)
			mailbox_drop_tail(mb);
	} else {
		s->state = SLOT_DONE;
		unlink_slot(mb, s);
	}
	mailbox_unpin(mb);
}

void mailbox_storing(struct mailbox *mb, uint64_t sequence)
{
	if (sequence > mb->stored)
		mb->stored = sequence;
}

/* ---- new mail ---- */

bool mailbox_take(struct mailbox *mb, struct slot *s)
{
	uint64_t floor = core_sequence_floor(mb->core);
	size_t bytes;

	mb->last = mb->last + 1 > floor ? mb->last + 1 : floor;
	s->sequence = mb->last;
	s->mailbox = mb;
	mb->pins++;
	append(mb, s);
	if (mb->mode != MAILBOX_LIVE)
		return false;
	if (deliver_room(mb->owner, &bytes) == 0) {
		mb->mode = MAILBOX_DRAINING;
		return false;
	}
	drain_push(mb, s);
	return deliver_quick(mb->owner);
}

/* ---- acknowledging ---- */

static void on_deleted(struct storage_write *w)
{
	struct mailbox *mb = (struct mailbox *)((char *)w -
						offsetof(struct mailbox, ack));

	mb->pins++;
	mb->acking = false;
	/* With a device that left the list its mail has gone. */
	if (w->op.result == OK || w->op.result == ERR_NOT_FOUND) {
		mb->deleted = w->op.u.ack.upto;
		delete_acked(mb);
	} else {
		/* What fails every commit the storage has said already. */
		if (w->op.result == ERR_CORRUPT)
			log_error("mailbox ack: %s", err_text(w->op.result));
		mailbox_retry_later(mb);
	}
	mailbox_unpin(mb);
}

static void delete_acked(struct mailbox *mb)
{
	if (mb->acking || !must_delete(mb))
		return;
	mb->acking = true;
	mb->ack = (struct storage_write){
		.op = { .type = STORE_ACK,
			.u.ack = { .mailbox = mb->id, .upto = mb->acked } },
		.done = on_deleted,
	};
	core_write(mb->core, &mb->ack);
}

static void on_retry(struct timer *t)
{
	struct mailbox *mb = (struct mailbox *)((char *)t -
						offsetof(struct mailbox, timer));

	mb->pins++;
	delete_acked(mb);
	drain_go_on(mb);
	mailbox_unpin(mb);
}

void mailbox_retry_later(struct mailbox *mb)
{
	wheel_set(&mb->core->wheel, &mb->timer,
		  core_now(mb->core) + RETRY_MS, on_retry);
}

void mailbox_ack(struct mailbox *mb, uint64_t sequence)
{
	mb->pins++;
	if (sequence > mb->acked)
		mb->acked = sequence;
	while (mb->first && mb->first->sequence <= sequence)
		send_acked(mb->first);
	delete_acked(mb);
	drain_go_on(mb);
	mailbox_unpin(mb);
}

/* ---- the owner ---- */

void mailbox_attach(struct mailbox *mb, struct owner *owner, uint64_t cursor,
		    uint64_t last_stored)
{
	assert(!mb->owner);
	mb->owner = owner;
	mb->mode = MAILBOX_DRAINING;
	if (cursor > mb->deleted)
		mb->deleted = cursor;
	if (cursor > mb->acked)
		mb->acked = cursor;
	mailbox_storing(mb, last_stored);
	mb->pushed = mb->acked;
	drain_go_on(mb);
}

void mailbox_detach(struct mailbox *mb)
{
	mb->pins++;
	mb->owner = NULL;
	mb->mode = MAILBOX_OFFLINE;
	mb->stale = true;
	mailbox_drop_tail(mb);
	for (struct slot *s = mb->first; s; s = s->next) {
		if (s->state == SLOT_MEMORY)
			send_flush(s->send, mb);
	}
	mailbox_unpin(mb);
}
