/* One Send: a slot for each mailbox, and the answer once every slot is safe.
 * A slot is safe when its device acknowledged it or its row is on the disk. */
#ifndef SOTTO_SEND_H
#define SOTTO_SEND_H

#include <stdbool.h>

#include "dedupe.h"
#include "relay.pb-c.h"
#include "store.h"
#include "wheel.h"

struct conn;
struct core;
struct mailbox;

enum slot_state {
	SLOT_DONE,	/* has its status */
	SLOT_MEMORY,	/* pushed; waits for the ack */
	SLOT_READY,	/* goes to the writer within this turn */
	SLOT_WRITING,	/* given to the writer */
	SLOT_TAIL,	/* on the disk, answered, kept for a read */
};

struct slot {
	struct send *send;
	struct mailbox *mailbox;	/* pinned while not NULL */
	struct slot *prev, *next;	/* of the mailbox */
	enum slot_state state;
	Sotto__SlotStatus status;
	uint64_t sequence;
	struct mailbox_id id;
	uint8_t capability[CAPABILITY_ID_LEN];
	enum capability_class class;
	struct bytes sealed;
	uint8_t key[DEDUPE_KEY_LEN];
	uint8_t digest[DEDUPE_DIGEST_LEN];
};

struct send {
	struct core *core;
	struct conn *conn;		/* awaits the answer; NULL: left */
	struct send *next, **prev;	/* conn->sends */
	unsigned refs;
	size_t open;			/* slots that are not safe */
	bool conflict;			/* the store has another content */
	struct timer timer;		/* of the slots in memory */
	uint8_t id[ENVELOPE_ID_LEN];
	uint8_t ephemeral_key[32];
	struct bytes payload;
	size_t size;			/* bytes charged to the core */
	size_t n;
	struct slot slots[];
};

void send_begin(struct conn *c, const Sotto__ClientMessage *message);
/* Its answers have nowhere to go any more. */
void send_forget(struct conn *c);
/* Gives the slots that wait in memory to the writer: those of one mailbox, or
 * all with NULL. */
void send_flush(struct send *s, const struct mailbox *mb);
/* The device has acknowledged the slot. */
void send_acked(struct slot *slot);
struct send *send_ref(struct send *s);
void send_unref(struct send *s);

#endif
