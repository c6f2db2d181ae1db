/* One database transaction for all that one turn of the loop changes, and what
 * is to happen once it is committed. */
#ifndef SOTTO_TURN_H
#define SOTTO_TURN_H

#include <stdbool.h>
#include <uv.h>

#include "clock.h"
#include "db.h"
#include "err.h"

struct turn;

/* stored is called, after the hooks, with the error when a commit did not work, and
 * with 0 when the first one works again. */
int turn_create(uv_loop_t *loop, struct db *db, struct hlc *clock,
		void (*stored)(void *ctx, int err), void *ctx,
		struct turn **out) must_check;
/* Takes back what is open: commit first. The memory goes when the loop has closed its handles. */
void turn_destroy(struct turn *t);	/* takes NULL */

/* Every change of the database stands between these two. The first begin of a
 * turn opens its transaction; each pair is a savepoint. They may nest. */
int turn_begin(struct turn *t) must_check;
/* Keeps the changes when ret is 0, else takes them back. Returns ret, or why
 * they could not be kept. */
int turn_end(struct turn *t, int ret) must_check;
/* The same without a savepoint, for what happens often and fails for the store's
 * sake alone: SQLite copies every page that changes within a savepoint, and
 * SQLCipher encrypts the copy. An error takes the whole turn back, and all that
 * is waiting for its commit hears it. */
int turn_enter(struct turn *t) must_check;
int turn_leave(struct turn *t, int ret) must_check;
/* The turn may go on for so many ms before it is committed: for a backlog. */
void turn_linger(struct turn *t, unsigned ms);
bool turn_is_open(const struct turn *t);
/* fn runs after the commit with 0, or with the error when it failed; at once
 * when nothing is open. */
void turn_after(struct turn *t, void (*fn)(void *ctx, int err), void *ctx);
/* Commits now rather than at the end of the turn; harmless when nothing is
 * open. Not between begin and end. */
int turn_commit(struct turn *t);
/* The open transaction holds received envelopes (for the fault points). */
void turn_mark_inbox(struct turn *t);

#endif
