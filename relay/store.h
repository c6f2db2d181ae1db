/* What a storage engine does for the relay. One conformance suite
 * (tests/store) drives every engine.
 *
 * An engine is called by two threads: the writer calls commit() and sweep(), the
 * reader calls the read functions; both at once. Loops never call it
 * (storage.h carries their work). */
#ifndef SOTTO_STORE_H
#define SOTTO_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "account.h"
#include "buf.h"
#include "capability.h"
#include "err.h"
#include "frame.h"

/* A device's mailbox. */
struct mailbox_id {
	struct account_id account;
	uint32_t device;
};

/* Made once, kept for ever, read at open. */
struct store_identity {
	uint32_t boot;		/* grows with each open: the larger of the stored
				 * one + 1 and the clock's seconds; on the disk
				 * before open returns */
	uint8_t incarnation[INCARNATION_LEN];
	uint8_t relay_key[32];	/* capabilities, tokens and dedupe ids derive
				 * their own keys from it */
};

/* Ops on a device that the list does not name are ERR_NOT_FOUND. */
enum store_op_type {
	STORE_ENVELOPE,		/* rows, one for each slot, and the payload; a
				 * sequence that is acknowledged is ERR_USAGE */
	STORE_ACK,		/* delete rows, release payloads, move the cursor */
	STORE_REGISTER,		/* a new account: list, and a device's bundle */
				/* the very same list again is 0 */
	STORE_LIST,		/* replace an account's device list; a device it
				 * leaves out loses mail, prekeys and bundle.
				 * A list that does not parse is ERR_FORMAT */
	STORE_BUNDLE,
	STORE_PREKEYS,		/* add one-time prekeys. Their ids grow (modulo
				 * 2^24): one not beyond the last is taken as a
				 * repeat and skipped, so that a repeat never
				 * brings back what was handed out */
	STORE_TAKE,		/* take one-time prekeys and read list and bundles */
	STORE_TOKEN,		/* a device confirmed its token */
	STORE_REVOKE,		/* capability ids */
};

enum store_slot_status {
	STORE_SLOT_STORED,	/* now, or by an earlier op with this id */
	STORE_SLOT_FULL,	/* the mailbox's quota is used up */
	STORE_SLOT_GONE,	/* no such device */
	STORE_SLOT_CONFLICT,	/* this id was stored with another digest */
};

struct store_slot {
	struct mailbox_id mailbox;
	uint64_t sequence;	/* given by the owning loop, growing by mailbox */
	uint8_t capability[CAPABILITY_ID_LEN];
	enum capability_class class;
	struct bytes sealed;
	enum store_slot_status status;	/* out */
};

struct store_prekey {
	uint32_t id;
	uint8_t key[33];
};

/* One unit of work. Input memory belongs to the submitter and lives until the
 * completion. result: 0 or ERR_*, the same as commit's when that failed. */
struct store_op {
	enum store_op_type type;
	int result;
	union {
		struct {
			uint8_t id[ENVELOPE_ID_LEN];
			uint8_t ephemeral_key[32];
			struct bytes payload;
			struct store_slot *slots;
			size_t n_slots;
		} envelope;
		struct {
			struct mailbox_id mailbox;
			uint64_t upto;
		} ack;
		struct {
			struct account_id account;
			struct bytes list;	/* encoded DeviceList */
			uint32_t device;
			struct bytes bundle;	/* encoded Bundle; REGISTER, BUNDLE */
		} account;			/* REGISTER: ERR_EXISTS */
		struct {
			struct mailbox_id mailbox;
			const struct store_prekey *keys;
			size_t n;
			uint32_t stored;	/* out: how many are there now */
		} prekeys;			/* ERR_FULL beyond PREKEYS_MAX; see
						 * STORE_PREKEYS */
		struct {
			uint8_t id[16];		/* of the Fetch: a repeat gets the same */
			struct account_id account;
			bool intro;		/* only from the intro share */
			bool list_only;
			struct buf *fetched;	/* out: an encoded Fetched */
		} take;				/* ERR_NOT_FOUND, ERR_CONFLICT */
		struct {
			struct mailbox_id mailbox;
			uint64_t counter;
			uint64_t expired;	/* how many the device was told of:
						 * taken off its count */
		} token;
		struct {
			struct account_id account;
			const uint8_t (*ids)[CAPABILITY_ID_LEN];
			size_t n;
		} revoke;
	} u;
};

/* What the relay holds for a device that connects. */
struct store_device {
	bool account_known;
	struct buf list;	/* encoded DeviceList; the caller's buffer */
	bool device_known;
	uint64_t cursor;	/* acknowledged up to here */
	uint64_t last_sequence;	/* of the last stored row, or cursor */
	uint64_t token_counter;	/* last confirmed */
	uint32_t prekeys;
	uint64_t expired;	/* rows expired that STORE_TOKEN took not off yet */
};

/* A row as it is read back; bytes point into the engine's memory and hold
 * during the call alone. */
struct store_row {
	uint64_t sequence;
	uint8_t id[ENVELOPE_ID_LEN];
	uint8_t capability[CAPABILITY_ID_LEN];
	uint8_t ephemeral_key[32];
	struct bytes sealed;
	struct bytes payload;
};

struct store_settings {
	const char *dir;
	uint32_t retention;		/* seconds */
	uint32_t mailbox_rows;		/* quota of one mailbox */
	uint64_t mailbox_bytes;
	uint32_t intro_share;		/* percent of a quota for class intro */
	uint64_t reserve;		/* bytes of the disk that stay free: with
					 * less, ops that add are ERR_NO_SPACE,
					 * and with a quarter of it all are */
};

struct store_ops {
	const char *name;
	/* ERR_STORE, ERR_NO_SPACE, ERR_CORRUPT, ERR_LOCKED (another process has
	 * it); the log says more. */
	int (*open)(const struct store_settings *settings, uint32_t now,
		    void **store, struct store_identity *identity) must_check;
	void (*close)(void *store);
	/* All ops durable (synced) when it returns 0; then every op's result is
	 * set. Otherwise every result is that error: no row of these ops is
	 * there when a later commit returns 0, other ops may turn out done, as
	 * after a crash. now: seconds since the epoch. Ops see the effect of
	 * those before them. After a failure the engine reopens itself at the
	 * next call. */
	int (*commit)(void *store, struct store_op *const *ops, size_t n,
		      uint32_t now) must_check;
	/* Deletes what the retention and the 24 hours of ids have ended, a
	 * bounded piece at a time: *more says whether another call has work. */
	int (*sweep)(void *store, uint32_t now, bool *more) must_check;
	int (*read_device)(void *store, const struct mailbox_id *mailbox,
			   struct store_device *out) must_check;
	/* Calls row() in order of sequence for rows after `after`, until it
	 * returns false or none is left; *end tells the latter. */
	int (*read_mailbox)(void *store, const struct mailbox_id *mailbox,
			    uint64_t after,
			    bool (*row)(void *ctx, const struct store_row *r),
			    void *ctx, bool *end) must_check;
	/* Every revocation that has not expired, at start. One may come twice. */
	int (*read_revoked)(void *store,
			    void (*each)(void *ctx,
					 const struct account_id *account,
					 const uint8_t id[CAPABILITY_ID_LEN]),
			    void *ctx) must_check;
};

extern const struct store_ops store_rocks;

#endif
