/* The mailboxes that have something under way: a connected device, a slot that
 * is not safe yet, a write. Each gives its sequence numbers and decides what is
 * pushed, in order and without gaps, whether it comes from the disk or from
 * memory. */
#ifndef SOTTO_MAILBOX_H
#define SOTTO_MAILBOX_H

#include <stdbool.h>

#include "storage.h"
#include "table.h"
#include "wheel.h"

struct core;
struct owner;
struct slot;

enum mailbox_mode {
	MAILBOX_OFFLINE,
	/* New mail goes to the store alone and is pushed from there. */
	MAILBOX_DRAINING,
	/* All that exists was pushed; new mail is pushed as it comes. */
	MAILBOX_LIVE,
};

struct mailbox {
	struct table_node node;
	struct core *core;
	struct mailbox_id id;
	unsigned pins;		/* uses that keep it in memory */
	struct owner *owner;	/* NULL: offline */
	enum mailbox_mode mode;
	uint64_t last;		/* last sequence given */
	uint64_t acked;		/* last acknowledged, here or in the store */
	uint64_t stored;	/* last that is or may be in the store */
	uint64_t token;		/* last counter confirmed in this process */
	const void *mark;	/* send_begin's: the Send seen last */
	/* Slots in order of sequence: not safe yet, or the tail: those that
	 * reached the disk while a read was under way, which may miss them. */
	struct slot *first, *end;
	/* Draining. */
	uint64_t pushed;	/* all up to here was pushed to this owner */
	bool reading;
	bool stale;		/* the read was begun for an owner who is gone */
	uint64_t dropped;	/* lowest sequence that left the tail too early */
	size_t tail_bytes;
	struct storage_read read;
	/* One STORE_ACK at a time, always with the newest sequence. */
	bool acking;
	uint64_t deleted;	/* STORE_ACK completed up to here */
	struct storage_write ack;
	struct timer timer;	/* to try again, or to leave memory */
};

/* Finds or makes it, and pins it. */
struct mailbox *mailbox_pin(struct core *core, const struct mailbox_id *id);
/* May free it. */
void mailbox_unpin(struct mailbox *mb);
void mailbox_destroy_all(struct core *core);

/* A device connected that has acknowledged everything up to cursor; begins to
 * drain. The one before was detached. */
void mailbox_attach(struct mailbox *mb, struct owner *owner, uint64_t cursor,
		    uint64_t last_stored);
/* The connection ends: what waits in memory for its ack goes to the writer. */
void mailbox_detach(struct mailbox *mb);

/* Gives slot the next sequence number and pushes it when live. True when it
 * may wait in memory for the ack, else it belongs to the writer now. */
bool mailbox_take(struct mailbox *mb, struct slot *slot);
/* The slot is safe or refused. stored: it is on the disk, and must stay in
 * memory while a read may miss it. */
void mailbox_settle(struct mailbox *mb, struct slot *slot, bool stored);
/* A slot was given to the writer. */
void mailbox_storing(struct mailbox *mb, uint64_t sequence);
/* The device committed everything up to sequence. */
void mailbox_ack(struct mailbox *mb, uint64_t sequence);

/* ---- for drain.c ---- */

/* Lets go of what is on the disk and was kept for a read; the mailbox is pinned
 * by the caller. */
void mailbox_drop_tail(struct mailbox *mb);
/* After a failure of the store: tries again in a second. */
void mailbox_retry_later(struct mailbox *mb);

#endif
