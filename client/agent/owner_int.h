/* What the files of owner share. */
#ifndef SOTTO_OWNER_INT_H
#define SOTTO_OWNER_INT_H

#include "frame.h"
#include "owner.h"

struct inbox;

/* What can be asked of the relay; one of each at a time. */
enum asked { ASK_LIST, ASK_BUNDLE, ASK_PREKEYS, ASK_MINT, ASK_LINK, ASK_REVOKE,
	     N_ASKED };

struct owner {
	struct agent *a;
	struct relay_conn *conn;
	struct inbox *inbox;
	uv_timer_t *retry;
	uint32_t request;		/* the last one's number */
	uint32_t pending[N_ASKED];	/* request, or 0 */
	size_t revoking;		/* bytes of ids in that request */
	bool stalled;			/* a request failed: wait for retry */
	bool caught_up;
	bool broken;			/* an envelope was not stored */
	uint64_t ack, acked;
	unsigned batch;
	size_t batch_bytes;
	uint8_t token[TOKEN_LEN];
	bool confirm;
	uint32_t prekeys;		/* at the relay, as far as we know */
	size_t n_made;
	uint32_t made_ids[PREKEYS_TARGET];
	uint8_t made[PREKEYS_TARGET][IDENTITY_KEY_LEN];
	uint8_t incarnation[INCARNATION_LEN];
};

/* A named value of the database that is 0 or 1. */
int owner_flag(struct agent *a, const char *name, bool *on) must_check;
void owner_send(struct owner *o, const Sotto__ClientMessage *m);
/* Asks for nothing more for a minute. */
void owner_stall(struct owner *o);
/* After the commit of what changed the records: see whether more is to do. */
void owner_after_records(void *ctx, int err);

/* owner_open.c */
void owner_on_challenge(void *ctx, const Sotto__Challenge *c);
void owner_on_ready(void *ctx, const Sotto__Ready *r);

/* owner_records.c: answers to what was asked. */
void owner_on_done(void *ctx, uint32_t request);
void owner_on_minted(void *ctx, const Sotto__Minted *m);

#endif
