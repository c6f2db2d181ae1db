/* Users of the load generator: real accounts with one device, whose keys come from
 * their number, so that every run knows them again. */
#ifndef SOTTO_BENCH_USER_H
#define SOTTO_BENCH_USER_H

#include "capability.h"
#include "frame.h"
#include "identity.h"
#include "wire.h"

struct user;

/* What a workload wants to know. Any may be NULL. */
struct user_events {
	void (*ready)(struct user *u);		/* authenticated */
	void (*caught_up)(struct user *u);
	void (*minted)(struct user *u);		/* u->capability is there */
	void (*sender)(struct user *u);		/* u->out may send */
	/* Sent or Deliver: fields that matter alone. */
	void (*sent)(struct user *u, unsigned accepted, unsigned refused);
	void (*mail)(struct user *u, uint64_t sequence,
		     struct bytes payload);
	void (*frame_end)(struct user *u, uint64_t sequence);
	void (*gone)(struct user *u, struct wire *w, int code);
};

struct user {
	uint32_t number;
	const struct user_events *events;
	struct wire in, out;		/* owner and sender; out is in when one */
	struct wire *sends;		/* the one of the two that sends */
	bool registered, confirm, mint, has_capability, live;
	uint8_t auth_secret[SIGN_SECRET_LEN];
	struct account_id account;
	uint8_t *list, *bundle;		/* packed */
	size_t list_len, bundle_len;
	uint8_t token[TOKEN_LEN];
	size_t token_len;
	uint8_t capability[CAPABILITY_LEN];
	/* The workloads'. */
	uint64_t sent, answered, received, last;
	struct user *peer;
	uint8_t *letter;		/* see letter_make */
	size_t letter_len, letter_id, letter_payload;
};

/* The bare baseline's frames. */
enum bare_type { BARE_HELLO, BARE_MAIL, BARE_ACK };
enum { BARE_HEAD = 4 + 1 + 4 };

void user_init(struct user *u, uint32_t number,
	       const struct user_events *events);
void user_finish(struct user *u);
/* Connects as owner (u->in), or as sender (u->out). False at once or gone later. */
bool user_connect(struct user *u, struct wires *ws, enum wire_kind kind,
		  uint16_t port);
bool user_connect_sender(struct user *u, struct wires *ws, uint16_t port);
void user_ack(struct user *u, uint64_t sequence);

enum {
	SEALED_LEN = 320,		/* of a text message's seal */
	PAYLOAD_LEN = 512 + 40,		/* its smallest bucket, nonce and MAC */
};

/* Makes the bytes of a message to another user; letter_send puts one with an id of
 * its own, whose payload begins with the time and this number. */
void letter_make(struct user *u, const struct user *to, enum wire_kind kind);
void letter_send(struct user *u, uint64_t number);
/* Of a payload: when it was sent, in ns, and its number. */
uint64_t letter_time(struct bytes payload);
uint64_t letter_number(struct bytes payload);

#endif
