/* Drives a storage engine with an op a line, for the suite that every engine must
 * pass. What goes wrong fails the test. */
#ifndef SOTTO_DRIVE_H
#define SOTTO_DRIVE_H

#include "store.h"

/* The tests' first moment, at the start of a day. */
#define T0 1750032000u

enum { HOUR = 3600, DAY = 86400, RETENTION = 7 * DAY, QUOTA_ROWS = 20 };

/* The engine under test. */
extern const struct store_ops *drive_engine;

struct drive {
	struct store_settings settings;
	struct store_identity identity;
	char dir[64];
	void *store;
	uint32_t now;
	/* The last row that drive_rows() saw. */
	char sealed[64], payload[64];
};

struct drive_seen {
	struct drive *f;
	uint64_t sequences[64];
	size_t n, stop;
};

/* Each test has a store of its own, in a directory of its own. */
int drive_setup(void **state);
int drive_teardown(void **state);
#define DRIVE_TEST(name) \
	cmocka_unit_test_setup_teardown(name, drive_setup, drive_teardown)
/* Closes the store, and opens it again. */
void drive_reopen(struct drive *f);

struct account_id drive_account(unsigned n);
struct mailbox_id drive_box(unsigned n, uint32_t device);
/* An encoded list of devices 1 to n without those of the mask (1 << device).
 * Static memory, until the next call. */
struct bytes drive_list(uint64_t version, unsigned n, unsigned without);
struct bytes drive_text(const char *s);

/* The commit's error, or the op's. */
int drive_commit(struct drive *f, struct store_op *op);
int drive_put_list(struct drive *f, enum store_op_type type, unsigned n,
		   struct bytes list);
/* Registers account n with devices 1 to `devices`, device 1 with a bundle. */
void drive_enroll(struct drive *f, unsigned n, unsigned devices);
struct store_slot drive_slot(struct mailbox_id m, uint64_t sequence,
			     const char *sealed);
struct store_op drive_envelope(const char *id, const char *payload,
			       struct store_slot *slots, size_t n);
/* Sends "sealed" and "payload" to one slot: its status, or the error. */
int drive_send(struct drive *f, const char *id, struct mailbox_id m,
	       uint64_t sequence);
int drive_send_class(struct drive *f, const char *id, struct mailbox_id m,
		     uint64_t sequence, enum capability_class class);
int drive_ack(struct drive *f, struct mailbox_id m, uint64_t upto);
/* Keys with n ids from first on: how many are stored then, or the error. */
int drive_put_prekeys(struct drive *f, struct mailbox_id m, uint32_t first,
		      size_t n);
/* The id of device 1's one-time prekey, 0 without one, or the error. */
int drive_take(struct drive *f, const char *id, unsigned n, bool intro);
/* Its list is freed already. */
struct store_device drive_device(struct drive *f, struct mailbox_id m);
/* How many rows follow `after`, in order. */
size_t drive_rows(struct drive *f, struct mailbox_id m, uint64_t after);
/* A struct drive_seen's callback for read_mailbox: takes `stop` rows. */
bool drive_see(void *ctx, const struct store_row *row);
/* Sweeps until there is no more. */
void drive_sweep(struct drive *f, uint32_t now);

#endif
