/* The insides of the embedded engine, shared by the store_rocks_*.c files alone.
 *
 * Families and their keys (numbers big-endian, MAILBOX = account ‖ device):
 *
 *   meta      "identity"                  format, boot, incarnation, relay key
 *   accounts  account                     encoded DeviceList
 *   devices   MAILBOX ‖ 's'               struct rocks_state
 *             MAILBOX ‖ 'b'               encoded Bundle
 *   prekeys   MAILBOX ‖ index             id, key; a ring from head to tail
 *   rows      MAILBOX ‖ sequence          struct rocks_row
 *   payloads  boot ‖ number ‖ 'd'         a shared payload
 *             boot ‖ number ‖ 'n'         how many rows use it
 *   ids       day ‖ keyed hash            digest of a slot, or a Fetch's answer
 *   expiry    hour ‖ MAILBOX              nothing: it got rows in that hour
 *   revoked   day ‖ capability id         account
 *
 * One thread writes, so a count is read and written back: the writer must read
 * it anyway to see that it reached 0. */
#ifndef SOTTO_STORE_ROCKS_H
#define SOTTO_STORE_ROCKS_H

#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>

#include "identity.h"
#include "store.h"

enum rocks_family {
	ROCKS_META,
	ROCKS_ACCOUNTS,
	ROCKS_DEVICES,
	ROCKS_PREKEYS,
	ROCKS_ROWS,
	ROCKS_PAYLOADS,
	ROCKS_IDS,
	ROCKS_EXPIRY,
	ROCKS_REVOKED,
	ROCKS_FAMILIES
};

enum {
	ROCKS_MAILBOX_LEN = ACCOUNT_LEN + 4,
	ROCKS_DEVICE_LEN = ROCKS_MAILBOX_LEN + 1,
	ROCKS_ROW_LEN = ROCKS_MAILBOX_LEN + 8,	/* and of a prekey's key */
	ROCKS_PAYLOAD_LEN = 12,
	ROCKS_HASH_LEN = 16,
	ROCKS_ID_LEN = 4 + ROCKS_HASH_LEN,
	ROCKS_EXPIRY_LEN = 4 + ROCKS_MAILBOX_LEN,
	ROCKS_REVOKED_LEN = 4 + CAPABILITY_ID_LEN,
	ROCKS_STATE_LEN = 85,
	ROCKS_ROW_HEAD = 72,
	ROCKS_STATES = 8192,	/* states the writer keeps in memory, 1 MB */
	ROCKS_HOUR = 3600,
	ROCKS_DAY = 86400,
};

/* Counters of a device. The intro credit is in hundredths of a prekey. */
struct rocks_state {
	uint64_t cursor, last_sequence, token_counter, expired;
	uint64_t bytes, intro_bytes;
	uint32_t rows, intro_rows;
	uint64_t prekey_head, prekey_tail;
	uint32_t prekey_last, intro_credit;
	uint32_t hour;	/* of the newest row: its expiry key is written */
};

struct rocks_cached {
	struct mailbox_id mailbox;
	bool used, dirty;
	/* The last batches that put and dropped rows of this place: of a place,
	 * not a mailbox, so it outlasts giving way and errs on the safe side. */
	uint32_t put_batch, drop_batch;
	struct rocks_state state;
};

/* A row as it stands on the disk; row's bytes point into the value. payload is
 * empty when shared. */
struct rocks_row {
	struct store_row row;
	enum capability_class class;
	uint32_t hour;
	bool shared;
	uint8_t payload_key[ROCKS_PAYLOAD_LEN];
	uint32_t payload_len;
};

/* What must be known of a row to delete it. */
struct rocks_victim {
	uint64_t sequence;
	uint32_t size;
	bool intro, shared;
	uint8_t payload_key[ROCKS_PAYLOAD_LEN];
};

struct rocks_put {
	struct mailbox_id mailbox;
	struct rocks_victim victim;
	uint8_t id[ROCKS_HASH_LEN];
};

struct rocks {
	char *path;
	struct store_settings settings;	/* dir is not used after open */
	uint32_t boot;
	uint8_t hash_key[32];

	/* Held shared by who uses db, alone by who reopens it. */
	pthread_rwlock_t lock;
	rocksdb_t *db;			/* NULL after a reopening that failed */
	rocksdb_column_family_handle_t *family[ROCKS_FAMILIES];
	_Atomic int broken;		/* 0, or the error that asks to reopen */
	rocksdb_cache_t *cache;
	rocksdb_options_t *options[ROCKS_FAMILIES];
	rocksdb_readoptions_t *get;
	rocksdb_writeoptions_t *write;

	/* The writer's own. */
	rocksdb_writebatch_wi_t *batch;
	struct buf scratch;
	struct rocks_cached *states;
	size_t dirty[ROCKS_STATES];
	size_t n_dirty;
	uint32_t batch_number;
	struct rocks_put *puts;		/* rows of the batch, for iterators see
					 * the database alone */
	size_t n_puts, cap_puts;
	struct rocks_put *undo;		/* rows of batches that failed */
	size_t n_undo;
	uint64_t next_payload;
	uint32_t now;
	uint32_t swept_day;		/* ids of days before it are deleted */
	bool scarce;			/* the disk is in its reserve, and that
					 * has been said */
	uint32_t flushed;		/* when, because it is scarce */
};

/* store_rocks_key.c: keys and values. */
void rocks_mailbox_key(const struct mailbox_id *m, uint8_t *out);
void rocks_device_key(const struct mailbox_id *m, char kind,
		      uint8_t out[static ROCKS_DEVICE_LEN]);
void rocks_row_key(const struct mailbox_id *m, uint64_t sequence,
		   uint8_t out[static ROCKS_ROW_LEN]);
struct mailbox_id rocks_mailbox_read(const uint8_t in[static ROCKS_MAILBOX_LEN]);
void rocks_state_encode(const struct rocks_state *s,
			uint8_t out[static ROCKS_STATE_LEN]);
/* ERR_CORRUPT. */
int rocks_state_decode(const uint8_t *in, size_t len,
		       struct rocks_state *out) must_check;
/* Replaces the content of out. */
void rocks_row_encode(const struct rocks_row *r, struct buf *out);
/* Takes the value without its key: sequence stays 0. ERR_CORRUPT. */
int rocks_row_decode(const uint8_t *in, size_t len,
		     struct rocks_row *out) must_check;
void rocks_payload_key(const uint8_t base[static ROCKS_PAYLOAD_LEN], char kind,
		       uint8_t out[static ROCKS_PAYLOAD_LEN + 1]);
struct rocks_victim rocks_victim_of(const struct rocks_row *row);
/* What a row counts against its mailbox's quota. */
uint32_t rocks_row_size(const struct rocks_row *r);
/* Device ids of an encoded DeviceList; the signatures are the caller's matter.
 * ERR_FORMAT. */
int rocks_list_devices(struct bytes list, uint32_t ids[static DEVICES_MAX],
		       size_t *n) must_check;

/* store_rocks_db.c: the database. */
int rocks_db_open(struct rocks *r) must_check;
void rocks_db_close(struct rocks *r);
/* Bytes of the disk that are free; as many as there can be when it cannot be
 * asked. */
uint64_t rocks_free(const struct rocks *r);
/* Writes the memtables of mail to the disk: what is deleted in them alone frees
 * nothing, and with no new mail nothing else would. */
void rocks_flush(struct rocks *r);
/* Takes the lock shared, after reopening what is broken. For a reader a
 * database that only refuses writes will do. Nothing is held on failure. */
int rocks_enter(struct rocks *r, bool writer) must_check;
void rocks_leave(struct rocks *r);
/* Logs and frees text, says which error it is, and marks the database broken
 * unless only a block is corrupt. */
int rocks_failed(struct rocks *r, const char *what, char *text) must_check;
/* The writer's view: the batch over the database. *value is malloc'ed.
 * ERR_NOT_FOUND or what rocks_failed says. */
int rocks_get(struct rocks *r, enum rocks_family f, const void *key,
	      size_t key_len, uint8_t **value, size_t *len) must_check;
void rocks_put(struct rocks *r, enum rocks_family f, const void *key,
	       size_t key_len, const void *value, size_t len);
void rocks_delete(struct rocks *r, enum rocks_family f, const void *key,
		  size_t key_len);
void rocks_batch_clear(struct rocks *r);
/* Writes and syncs the states and the batch, and clears it. */
int rocks_batch_write(struct rocks *r) must_check;

/* store_rocks_state.c: counters of devices. A pointer holds until the next call
 * of get or add. */
int rocks_state_get(struct rocks *r, const struct mailbox_id *m,
		    struct rocks_state **out) must_check;	/* ERR_NOT_FOUND */
void rocks_state_add(struct rocks *r, const struct mailbox_id *m); /* zeros */
/* Says that the state of m, which the caller just got, was changed. */
void rocks_state_changed(struct rocks *r, const struct mailbox_id *m);
void rocks_state_remove(struct rocks *r, const struct mailbox_id *m);
/* Where m's state is kept, whoever is there now. */
struct rocks_cached *rocks_state_place(struct rocks *r,
				       const struct mailbox_id *m);
void rocks_state_flush(struct rocks *r);	/* into the batch */
void rocks_state_forget(struct rocks *r);

/* store_rocks_rows.c, store_rocks_drop.c */
int rocks_envelope(struct rocks *r, struct store_op *op) must_check;
int rocks_ack(struct rocks *r, struct store_op *op) must_check;
/* Rows of m from sequence `from` to `upto`, ended by the first one stored after
 * hour and by limit (those of the batch come on top); *out is malloc'ed. */
int rocks_victims(struct rocks *r, const struct mailbox_id *m, uint64_t from,
		  uint64_t upto, uint32_t hour, size_t limit,
		  struct rocks_victim **out, size_t *n) must_check;
/* Deletes them and counts them off s, which is m's. */
int rocks_drop(struct rocks *r, const struct mailbox_id *m,
	       struct rocks_state *s, const struct rocks_victim *v,
	       size_t n) must_check;

/* A batch whose write failed may turn out to be there when the database is
 * reopened. Its rows must not stay: their senders were told that they are not
 * stored, later rows may have been delivered before them, and a cumulative
 * acknowledgement would then delete what no device got. */
void rocks_undo_note(struct rocks *r);		/* this batch's rows */
int rocks_undo(struct rocks *r) must_check;	/* first in each batch */
void rocks_undo_done(struct rocks *r);		/* the batch is written */

/* store_rocks_ids.c: ids that are remembered for 24 to 48 hours. */
void rocks_id_hash(const struct rocks *r, const char *purpose,
		   const struct bytes *parts, size_t n,
		   uint8_t out[static ROCKS_HASH_LEN]);
int rocks_id_get(struct rocks *r, const uint8_t hash[static ROCKS_HASH_LEN],
		 uint8_t **value, size_t *len) must_check;	/* ERR_NOT_FOUND */
void rocks_id_put(struct rocks *r, const uint8_t hash[static ROCKS_HASH_LEN],
		  const void *value, size_t len);
void rocks_id_delete(struct rocks *r, const uint8_t hash[static ROCKS_HASH_LEN]);

/* store_rocks_accounts.c */
int rocks_register(struct rocks *r, struct store_op *op) must_check;
int rocks_list(struct rocks *r, struct store_op *op) must_check;
int rocks_bundle(struct rocks *r, struct store_op *op) must_check;
int rocks_token(struct rocks *r, struct store_op *op) must_check;
int rocks_revoke(struct rocks *r, struct store_op *op) must_check;

/* store_rocks_prekeys.c */
int rocks_prekeys(struct rocks *r, struct store_op *op) must_check;
int rocks_take(struct rocks *r, struct store_op *op) must_check;

/* store_rocks_sweep.c, store_rocks_read.c: the ops of those names. */
int rocks_sweep(void *store, uint32_t now, bool *more) must_check;
int rocks_read_device(void *store, const struct mailbox_id *m,
		      struct store_device *out) must_check;
int rocks_read_mailbox(void *store, const struct mailbox_id *m, uint64_t after,
		       bool (*row)(void *ctx, const struct store_row *r),
		       void *ctx, bool *end) must_check;
int rocks_read_revoked(void *store,
		       void (*each)(void *ctx, const struct account_id *account,
				    const uint8_t id[CAPABILITY_ID_LEN]),
		       void *ctx) must_check;

#endif
