/* What the connections of one loop share: mailboxes, revocations, rates, the
 * timer wheel and the way to the storage threads. No input or output of its
 * own: sockets are ws.c's, the disk is storage.c's. */
#ifndef SOTTO_CORE_H
#define SOTTO_CORE_H

#include <stdbool.h>

#include "arena.h"
#include "dedupe.h"
#include "rate.h"
#include "revoked.h"
#include "storage.h"
#include "table.h"
#include "wheel.h"

struct conn;
struct record;
struct sys;

/* Budgets of rate_take beside those of the capability classes. */
enum core_rate {
	CORE_RATE_OWNER,	/* requests of an account (records.h) */
	/* 1 .. 3: enum capability_class */
	CORE_RATE_PREKEYS = 4,	/* taken with one capability */
	CORE_RATE_REGISTER,	/* of the whole relay */
	CORE_RATES,
};

struct core_settings {
	const char *name;		/* what Auth signs; outlives the core */
	uint32_t retention;		/* seconds */
	struct rate_limit rates[CORE_RATES];
	size_t memory_max;		/* bytes of envelopes that are not safe yet */
	uint32_t ack_wait;		/* see core_ack_wait */
};

/* The way to the storage threads (storage.h), handed in so that tests decide when
 * and how each job ends. ERR_FULL: core_room is called once there is room. */
struct core_disk {
	int (*write)(void *ctx, struct storage_write *w) must_check;
	int (*read)(void *ctx, struct storage_read *r) must_check;
	void *ctx;
};

struct core {
	const struct sys *sys;
	struct core_settings settings;
	struct core_disk disk;
	struct wheel wheel;
	struct arena arena;
	uint8_t incarnation[INCARNATION_LEN];
	uint8_t capability_key[32], token_key[32], dedupe_key[32];
	struct table mailboxes;
	struct dedupe dedupe;
	struct revoked revoked;
	struct rates rates;
	struct rates registering;	/* one bucket, which none can push out */
	struct record *lists;		/* PutLists under way */
	struct conn *conns;
	size_t n_conns;
	size_t open_sends;		/* not answered */
	/* Sequence numbers: boot << 32, and ticks of 64 ms since the start. */
	uint64_t sequence_base, started;
	/* Writes that the full queue of the storage did not take. */
	struct storage_write *waiting, **waiting_end;
	size_t memory;			/* bytes of envelopes in memory */
	size_t output;			/* bytes that wait for sockets */
	uint32_t lag;			/* of late turns of the loop, 1/16 ms */
	bool crowded;			/* senders are not read from */
	bool leaving;
};

/* Beyond it those are put out for whom much waits, for they do not read. */
enum { CORE_OUTPUT_MAX = 64 * 1024 * 1024 };

extern const struct core_settings core_defaults;

/* identity comes from the opened store. */
void core_create(const struct core_settings *settings,
		 const struct store_identity *identity,
		 const struct core_disk *disk, const struct sys *sys,
		 struct core **out);
/* All connections are gone and the storage has completed everything. */
void core_destroy(struct core *core);

/* Takes rates and memory_max over. */
void core_configure(struct core *core, const struct core_settings *settings);

/* A revocation as the store kept it, at start. */
void core_revoked(struct core *core, const struct account_id *account,
		  const uint8_t hash[static CAPABILITY_ID_LEN]);

/* Milliseconds of the clock that never goes back. */
uint64_t core_now(const struct core *core);
/* Runs the timers that are due. */
void core_tick(struct core *core);
/* Milliseconds until core_tick has something to do; -1: never. */
int64_t core_wait(const struct core *core);

/* A turn of the loop took so many milliseconds. */
void core_turned(struct core *core, uint64_t ms);
/* Milliseconds that a live slot waits for its ack in memory: settings.ack_wait,
 * and more while turns are long. A loop that is busy sees an ack late however
 * quick the device is, and writing what would be acknowledged next makes it
 * busier still. */
uint32_t core_ack_wait(const struct core *core);

/* The disk takes jobs again. */
void core_room(struct core *core);
int core_read(struct core *core, struct storage_read *r) must_check;
/* Submits; writes reach the writer in the order of these calls, whether or not
 * its queue has room. */
void core_write(struct core *core, struct storage_write *w);

/* Accounts for envelope memory, and stops or resumes reading from senders. */
void core_charge(struct core *core, size_t bytes);
void core_release(struct core *core, size_t bytes);

/* The lowest sequence number that a mailbox without memory of its own may give
 * now: higher than any given before by a mailbox that is gone. */
uint64_t core_sequence_floor(const struct core *core);

/* Says Closing to every client and reads from senders no more. */
void core_leave(struct core *core, uint32_t retry_after_ms);
/* After core_leave: every Send is answered and every answer written. */
bool core_idle(const struct core *core);
/* Closes every connection with 1001. */
void core_close_all(struct core *core);

#endif
