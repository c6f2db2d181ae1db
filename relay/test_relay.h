/* What the relay's unit tests share: a clock, a disk whose jobs end when the
 * test says so, and clients that speak to a core without sockets. */
#ifndef SOTTO_TEST_RELAY_H
#define SOTTO_TEST_RELAY_H

#include <stdbool.h>

#include "conn.h"
#include "core.h"
#include "identity.h"
#include "sys.h"

enum { TEST_ROWS_MAX = 4096, TEST_LIST_MAX = 8 };

/* A row that was committed. */
struct test_row {
	struct mailbox_id mailbox;
	uint64_t sequence;
	uint8_t id[ENVELOPE_ID_LEN];
};

struct test_account {
	struct account_id id;
	uint8_t auth_secret[SIGN_SECRET_LEN];
	Sotto__DeviceList *list;	/* version 1, device 1 */
	Sotto__Bundle *bundle;
	uint8_t list_secret[SIGN_SECRET_LEN], certificate[SIGN_LEN];
	/* What the disk holds. */
	bool known;
	bool removed;			/* device 1 left the list */
	uint64_t cursor, token, expired;
};

struct test_world {
	uint64_t ms;			/* both clocks */
	uint64_t random;		/* counts: every draw differs */
	struct sys sys;
	struct core *core;
	struct test_account accounts[TEST_LIST_MAX];
	unsigned n_accounts;
	struct test_row rows[TEST_ROWS_MAX];
	unsigned n_rows;
	/* Jobs that the core has submitted and that have not ended. */
	struct storage_write *writes, **writes_end;
	unsigned n_writes, n_acks;	/* submitted in all; of these STORE_ACK */
	unsigned pending;		/* not ended */
	struct storage_read *reads;
	unsigned write_max;		/* the queue is full at so many */
	bool fail;			/* commits fail */
	unsigned read_max;		/* a read returns at most so many rows */
	unsigned row_max;		/* a mailbox is full at so many rows */
};

/* A client; messages come off its connection one at a time. */
struct test_client {
	struct test_world *world;
	struct conn *conn;
	bool paused, woken, pinged;
	Sotto__ServerFrame *frame;
	size_t at;
	uint8_t token[TOKEN_LEN];
};

void test_world_init(struct test_world *w);
/* Ends all jobs; clients are gone. */
void test_world_finish(struct test_world *w);
/* Time passes, and timers fire. */
void test_world_pass(struct test_world *w, uint64_t ms);
struct test_account *test_account(struct test_world *w);

/* Commits the oldest n writes and completes them. */
void test_commit(struct test_world *w, unsigned n);
void test_commit_all(struct test_world *w);
/* Takes what a read finds now, for its completion later. */
struct test_read {
	struct storage_read *read;
	struct storage_row *rows;
	bool end;
};
struct test_read test_snapshot(struct test_world *w);
void test_complete(struct test_read *r);
/* Ends the oldest read; false when there is none. */
bool test_read(struct test_world *w);
/* Ends every job, and what these begin. */
void test_settle(struct test_world *w);
unsigned test_rows(const struct test_world *w, const struct account_id *a);

void test_connect(struct test_world *w, struct test_client *c);
void test_gone(struct test_client *c);
void test_say(struct test_client *c, Sotto__ClientMessage *m);
/* The next message, after writing what is ready; NULL when there is none. It
 * holds until the next call. */
const Sotto__ServerMessage *test_hear(struct test_client *c);
/* Up to Ready and, when the disk is settled, CaughtUp is left unread. */
void test_owner(struct test_world *w, struct test_client *c,
		struct test_account *a);
/* Ready, token confirmed, mailbox drained and CaughtUp read. */
void test_owner_live(struct test_world *w, struct test_client *c,
		     struct test_account *a);
void test_sender(struct test_world *w, struct test_client *c);
void test_ack(struct test_client *c, uint64_t sequence);
/* Connects and says Auth, for which the disk is then asked. */
void test_authenticate(struct test_world *w, struct test_client *c,
		       struct test_account *a);
/* PutList: device 2 takes device 1's place. */
void test_remove_device(struct test_client *c, struct test_account *a);

/* Sends an envelope to device 1 of n accounts; number is its id. */
void test_send(struct test_client *c, uint32_t number, const char *payload,
	       struct test_account *const *to, unsigned n, bool ephemeral);
uint32_t test_number(const ProtobufCBinaryData *id);

#endif
