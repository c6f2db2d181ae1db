/* The storage threads: one writer, one reader, and bounded queues between them
 * and the loop. Completions run on the loop. */
#ifndef SOTTO_STORAGE_H
#define SOTTO_STORAGE_H

#include <stdbool.h>
#include <uv.h>

#include "store.h"

struct storage;

/* Starts the threads on an open engine; completions are called on loop. queue_max:
 * jobs in flight; beyond it submits are ERR_FULL (stop reading from senders;
 * storage_on_room is called once there is room again). */
int storage_create(uv_loop_t *loop, const struct store_ops *ops, void *store,
		   size_t queue_max, struct storage **out) must_check;
/* Waits until everything submitted is committed and completed, then joins the
 * threads and closes the engine. Takes NULL. */
void storage_destroy(struct storage *s);

/* Embedded in the submitter's own struct. The writer takes all that wait, up to
 * a bound, as one commit: nothing is delayed when idle. done runs on the loop,
 * with op.result set, in the order of submission. */
struct storage_write {
	struct store_op op;
	void (*done)(struct storage_write *w);
	struct storage_write *next;	/* storage's own */
};
int storage_submit(struct storage *s, struct storage_write *w) must_check;

/* A row on the loop: memory of its own, freed with free(). */
struct storage_row {
	struct storage_row *next;
	struct store_row row;
};

enum storage_read_type { STORAGE_DEVICE, STORAGE_MAILBOX };

struct storage_read {
	enum storage_read_type type;
	struct mailbox_id mailbox;
	uint64_t after;			/* MAILBOX */
	size_t max_rows, max_bytes;	/* MAILBOX; at least one row comes */
	int result;
	struct store_device device;	/* out, DEVICE: finish device.list */
	struct storage_row *rows;	/* out, MAILBOX: the caller frees the list */
	bool end;			/* out, MAILBOX: nothing more was stored */
	void (*done)(struct storage_read *r);
	struct storage_read *next;	/* storage's own */
};
int storage_read(struct storage *s, struct storage_read *r) must_check;

void storage_on_room(struct storage *s, void (*room)(void *ctx), void *ctx);
/* Writes waiting or under way. */
size_t storage_queued(const struct storage *s);

#endif
