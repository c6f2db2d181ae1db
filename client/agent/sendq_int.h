/* What the files of sendq share. */
#ifndef SOTTO_SENDQ_INT_H
#define SOTTO_SENDQ_INT_H

#include "frame.h"
#include "outbox.h"
#include "relay_conn.h"
#include "sendq.h"

struct sender;

/* One contact's way out. */
struct lane {
	struct sendq *q;
	int64_t contact;
	bool active;		/* the outbox may hold something */
	struct sender *sender;	/* where inflight went */
	int64_t last;		/* row sent last; 0: begin at the first */
	unsigned inflight;
	bool hold;		/* refused: nothing newer before that one */
	unsigned failures;
	uint64_t retry_at;	/* monotonic ms */
	bool want_bundles;	/* or, with list_only, the list */
	bool list_only;
	bool stale;		/* made for former devices: fetch before sending */
	bool fetching;
	bool wrong_keys;	/* see sendq_wrong_keys */
	uint8_t fetch_id[16];
	bool away;		/* seems offline: no ephemeral envelopes */
	bool typing;
	uint64_t typing_at;
};

struct inflight {
	struct lane *lane;
	int64_t row;		/* 0: ephemeral */
	enum outbox_kind kind;
	uint8_t envelope[ENVELOPE_ID_LEN];
	uint8_t message[MESSAGE_ID_LEN];
};

/* An anonymous connection. */
struct sender {
	struct sendq *q;
	struct relay_conn *conn;
	struct inflight inflight[SEND_WINDOW];
	unsigned n_inflight;
};

struct sendq {
	struct agent *a;
	struct lane **lanes;
	size_t n_lanes;
	struct sender **senders;
	size_t n_senders;
	uv_timer_t *timer;
	uint64_t retry_at;	/* after a store failure */
	unsigned failures;
	bool pumping;
};

struct lane *sendq_lane(struct sendq *q, int64_t contact);
/* For turn_after: goes on sending when the commit was done. */
void sendq_after_change(void *q, int err);
/* Hands the entry's Send to the connection. ERR_FULL, ERR_NETWORK: later;
 * ERR_TOO_BIG: never. */
int lane_send(struct lane *l, struct sender *s,
	      const struct outbox_entry *e) must_check;
/* Wait before the lane's first is tried again. */
void lane_hold(struct lane *l, bool delay);
/* The entry will never arrive. In a turn. */
int lane_fail(struct lane *l, struct contact *c, const struct outbox_entry *e,
	      const char *why) must_check;

/* sendq_sender.c: the connection to relay; NULL when that is no address, or too
 * many others are at work. It lives until another is asked for. */
struct sender *sendq_sender(struct sendq *q, const char *relay);

/* sendq_encrypt.c */
/* Encrypts what stands clear in the lane, oldest first, up to a batch; notes
 * when a bundle has to be fetched. *n: how many. In a turn. */
int lane_encrypt(struct lane *l, struct contact *c, unsigned *n) must_check;
/* Whether the entry begins a new session. */
bool lane_needs_fresh(struct lane *l, const struct contact *c,
		      const struct outbox_entry *e);
/* Makes an entry for the wrong devices fit c's list, or drops it. In a turn. */
int lane_encrypt_again(struct lane *l, struct contact *c,
		       struct outbox_entry *e) must_check;

/* sendq_fetch.c */
void lane_fetch(struct lane *l, const struct contact *c);
void sendq_on_fetched(void *ctx, const Sotto__Fetched *f);
/* An Error for a Fetch; false when the id belongs to none. */
bool sendq_fetch_error(struct sender *s, const Sotto__Error *e);

/* sendq_answer.c */
void sendq_on_sent(void *ctx, const Sotto__Sent *sent);
void sendq_on_error(void *ctx, const Sotto__Error *e);

#endif
