#include "drain.h"

#include "conn.h"
#include "core.h"
#include "deliver.h"
#include "log.h"
#include "mailbox.h"
#include "send.h"

enum { READ_BYTES_MAX = 128 * 1024 };

static const uint64_t none = UINT64_MAX;

void drain_push(struct mailbox *mb, const struct slot *s)
{
	deliver_push(mb->owner, &(struct delivery){
		.sequence = s->sequence, .id = s->send->id,
		.capability = s->capability,
		.ephemeral_key = s->send->ephemeral_key,
		.sealed = s->sealed, .payload = s->send->payload,
	});
	mb->pushed = s->sequence;
}

static void push_row(struct mailbox *mb, const struct store_row *r)
{
	deliver_push(mb->owner, &(struct delivery){
		.sequence = r->sequence, .id = r->id,
		.capability = r->capability,
		.ephemeral_key = r->ephemeral_key,
		.sealed = r->sealed, .payload = r->payload,
	});
	mb->pushed = r->sequence;
	mailbox_storing(mb, r->sequence);
}

static void turn_live(struct mailbox *mb)
{
	Sotto__CaughtUp m = SOTTO__CAUGHT_UP__INIT;

	mb->mode = MAILBOX_LIVE;
	conn_put(mb->owner->conn, SOTTO__SERVER_MESSAGE__OF_CAUGHT_UP, &m.base);
}

/* Pushes rows and slots in the order of their numbers. A read returns all rows
 * that were on the disk when it began, up to its last one; all others stand in
 * the list. So up to that row (or without end, when the read met the mailbox's
 * end) the two together are complete, save for what had to leave the tail. */
static void merge(struct mailbox *mb, const struct storage_row *row, bool end)
{
	const struct slot *s = mb->first;
	uint64_t limit = mb->dropped;
	size_t bytes;

	if (!end) {
		const struct storage_row *last = row;

		while (last && last->next)
			last = last->next;
		if (!last)
			return;
		if (last->row.sequence < limit)
			limit = last->row.sequence + 1;
	}
	for (;;) {
		uint64_t a, b;

		while (s && s->sequence <= mb->pushed)
			s = s->next;
		while (row && row->row.sequence <= mb->pushed)
			row = row->next;
		a = s ? s->sequence : none;
		b = row ? row->row.sequence : none;
		if ((a < b ? a : b) >= limit)
			break;
		if (deliver_room(mb->owner, &bytes) == 0)
			return;
		if (a < b)
			drain_push(mb, s);
		else
			push_row(mb, &row->row);
	}
	if (end && mb->dropped == none)
		turn_live(mb);
}

static void on_read(struct storage_read *r)
{
	struct mailbox *mb = (struct mailbox *)((char *)r -
						offsetof(struct mailbox, read));

	mb->pins++;
	mb->reading = false;
	if (mb->mode == MAILBOX_DRAINING && !mb->stale && r->result == OK)
		merge(mb, r->rows, r->end);
	for (struct storage_row *row = r->rows, *next; row; row = next) {
		next = row->next;
		free(row);
	}
	r->rows = NULL;
	mailbox_drop_tail(mb);
	if (r->result < 0 && !mb->stale) {
		log_error("mailbox read: %s", err_text(r->result));
		mailbox_retry_later(mb);
	} else {
		drain_go_on(mb);
	}
	mailbox_unpin(mb);
}

void drain_go_on(struct mailbox *mb)
{
	size_t rows, bytes;

	if (mb->mode != MAILBOX_DRAINING || mb->reading)
		return;
	rows = deliver_room(mb->owner, &bytes);
	if (rows == 0)
		return;
	mb->read = (struct storage_read){
		.type = STORAGE_MAILBOX, .mailbox = mb->id,
		.after = mb->pushed, .max_rows = rows,
		.max_bytes = bytes < READ_BYTES_MAX ? bytes : READ_BYTES_MAX,
		.done = on_read,
	};
	mb->reading = true;
	mb->stale = false;
	mb->dropped = none;
	if (core_read(mb->core, &mb->read) < 0) {
		mb->reading = false;
		mailbox_retry_later(mb);
	}
}
