/* What every storage engine must do, driven through struct store_ops alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "identity.h"
#include "relay.pb-c.h"
#include "store.h"

/* A moment of the tests, at the start of a day. */
#define T0 1750032000u

enum { HOUR = 3600, DAY = 86400, RETENTION = 7 * DAY, QUOTA_ROWS = 20 };

static const struct store_ops *engine;

struct fixture {
	struct store_settings settings;
	struct store_identity identity;
	char dir[64];
	void *store;
	uint32_t now;
	/* The last row that rows() saw. */
	char sealed[64], payload[64];
};

static void reopen(struct fixture *f)
{
	if (f->store)
		engine->close(f->store);
	f->store = NULL;
	assert_int_equal(engine->open(&f->settings, f->now, &f->store,
				      &f->identity), 0);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/sotto-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->settings = (struct store_settings){
		.dir = f->dir, .retention = RETENTION,
		.mailbox_rows = QUOTA_ROWS, .mailbox_bytes = 1 << 20,
		.intro_share = 10,
	};
	f->now = T0;
	reopen(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	engine->close(f->store);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

/* ---- ops in one line ---- */

static struct account_id account(unsigned n)
{
	struct account_id a = { { 0 } };

	put_u32(a.b, n);
	return a;
}

static struct mailbox_id box(unsigned n, uint32_t device)
{
	return (struct mailbox_id){ account(n), device };
}

/* An encoded list of devices 1 to n without those of the mask `without`. */
static struct bytes list(uint64_t version, unsigned n, unsigned without)
{
	static uint8_t out[256];
	Sotto__DeviceList l = SOTTO__DEVICE_LIST__INIT;
	Sotto__Device d[DEVICES_MAX], *p[DEVICES_MAX];

	l.version = version;
	l.devices = p;
	for (unsigned i = 0; i < n; i++) {
		if (without & 1u << (i + 1))
			continue;
		sotto__device__init(&d[i]);
		d[i].id = i + 1;
		p[l.n_devices++] = &d[i];
	}
	return (struct bytes){ out, sotto__device_list__pack(&l, out) };
}

static struct bytes text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

static int commit(struct fixture *f, struct store_op *op)
{
	int err = engine->commit(f->store, &op, 1, f->now);

	return err ? err : op->result;
}

static int put_list(struct fixture *f, enum store_op_type type, unsigned n,
		    struct bytes l)
{
	struct store_op op = { .type = type };
	/* A real Bundle, for Fetched is parsed below. */
	static const uint8_t bundle[] = { 1 << 3, 1, 2 << 3, 1 };

	op.u.account.account = account(n);
	op.u.account.list = l;
	op.u.account.device = 1;
	op.u.account.bundle = (struct bytes){ bundle, sizeof(bundle) };
	return commit(f, &op);
}

static void enroll(struct fixture *f, unsigned n, unsigned devices)
{
	assert_int_equal(put_list(f, STORE_REGISTER, n, list(1, devices, 0)),
			 0);
}

static struct store_slot slot(struct mailbox_id m, uint64_t sequence,
			      const char *sealed)
{
	return (struct store_slot){ .mailbox = m, .sequence = sequence,
				    .class = CAP_CONTACT,
				    .sealed = text(sealed) };
}

static struct store_op envelope(const char *id, const char *payload,
				struct store_slot *slots, size_t n)
{
	struct store_op op = { .type = STORE_ENVELOPE };

	memcpy(op.u.envelope.id, id, strlen(id));
	op.u.envelope.payload = text(payload);
	op.u.envelope.slots = slots;
	op.u.envelope.n_slots = n;
	return op;
}

static int send_class(struct fixture *f, const char *id, struct mailbox_id m,
		      uint64_t sequence, enum capability_class class)
{
	struct store_slot s = slot(m, sequence, "sealed");
	struct store_op op = envelope(id, "payload", &s, 1);
	int err;

	s.class = class;
	err = commit(f, &op);
	return err ? err : (int)s.status;
}

static int send(struct fixture *f, const char *id, struct mailbox_id m,
		uint64_t sequence)
{
	return send_class(f, id, m, sequence, CAP_CONTACT);
}

static int ack(struct fixture *f, struct mailbox_id m, uint64_t upto)
{
	struct store_op op = { .type = STORE_ACK };

	op.u.ack.mailbox = m;
	op.u.ack.upto = upto;
	return commit(f, &op);
}

/* How many are stored then, or the error. */
static int put_prekeys(struct fixture *f, struct mailbox_id m, uint32_t first,
		       size_t n)
{
	struct store_op op = { .type = STORE_PREKEYS };
	struct store_prekey keys[PREKEYS_PUT_MAX];
	int err;

	for (size_t i = 0; i < n; i++) {
		keys[i].id = (uint32_t)(first + i) & 0xffffff;
		memset(keys[i].key, (int)keys[i].id, sizeof(keys[i].key));
	}
	op.u.prekeys.mailbox = m;
	op.u.prekeys.keys = keys;
	op.u.prekeys.n = n;
	err = commit(f, &op);
	return err ? err : (int)op.u.prekeys.stored;
}

/* The id of device 1's one-time prekey, 0 without one, or the error. */
static int take(struct fixture *f, const char *id, unsigned n, bool intro)
{
	struct store_op op = { .type = STORE_TAKE };
	Sotto__Fetched *fetched;
	struct buf out;
	int r;

	buf_init(&out, 1 << 16);
	memcpy(op.u.take.id, id, strlen(id));
	op.u.take.account = account(n);
	op.u.take.intro = intro;
	op.u.take.fetched = &out;
	r = commit(f, &op);
	if (!r) {
		fetched = sotto__fetched__unpack(NULL, out.len, out.data);
		assert_non_null(fetched);
		assert_memory_equal(fetched->id.data, op.u.take.id, 16);
		assert_non_null(fetched->list);
		assert_int_equal(fetched->n_bundles, 1);
		assert_int_equal(fetched->bundles[0]->bundle->device, 1);
		if (fetched->bundles[0]->one_time) {
			r = (int)fetched->bundles[0]->one_time->id;
			assert_int_equal(
				fetched->bundles[0]->one_time->key.len, 33);
			assert_int_equal(
				fetched->bundles[0]->one_time->key.data[32],
				r & 255);
		}
		sotto__fetched__free_unpacked(fetched, NULL);
	}
	buf_finish(&out);
	return r;
}

static struct store_device device(struct fixture *f, struct mailbox_id m)
{
	struct store_device d = { .account_known = false };

	buf_init(&d.list, DEVICE_LIST_BYTES_MAX);
	assert_int_equal(engine->read_device(f->store, &m, &d), 0);
	buf_finish(&d.list);
	return d;
}

struct seen {
	struct fixture *f;
	uint64_t sequences[64];
	size_t n, stop;
};

static bool see(void *ctx, const struct store_row *row)
{
	struct seen *s = ctx;

	if (s->n == s->stop)
		return false;
	s->sequences[s->n++] = row->sequence;
	snprintf(s->f->sealed, sizeof(s->f->sealed), "%.*s",
		 (int)row->sealed.len, (const char *)row->sealed.data);
	snprintf(s->f->payload, sizeof(s->f->payload), "%.*s",
		 (int)row->payload.len, (const char *)row->payload.data);
	return true;
}

static size_t rows(struct fixture *f, struct mailbox_id m, uint64_t after)
{
	struct seen s = { .f = f, .stop = 64 };
	bool end = false;

	assert_int_equal(engine->read_mailbox(f->store, &m, after, see, &s,
					      &end), 0);
	assert_true(end);
	for (size_t i = 1; i < s.n; i++)
		assert_true(s.sequences[i] > s.sequences[i - 1]);
	return s.n;
}

static void sweep(struct fixture *f, uint32_t now)
{
	bool more = true;

	while (more)
		assert_int_equal(engine->sweep(f->store, now, &more), 0);
}

/* ---- opening ---- */

static void test_open_again_keeps_identity_and_raises_boot(void **state)
{
	struct fixture *f = *state;
	struct store_identity first = f->identity;

	assert_int_equal(first.boot, T0);
	reopen(f);
	assert_int_equal(f->identity.boot, T0 + 1);
	assert_memory_equal(f->identity.relay_key, first.relay_key, 32);
	assert_memory_equal(f->identity.incarnation, first.incarnation,
			    INCARNATION_LEN);
	f->now = T0 - DAY;	/* a clock that went back lowers nothing */
	reopen(f);
	assert_int_equal(f->identity.boot, T0 + 2);
}

static void test_open_of_an_open_store_is_locked(void **state)
{
	struct fixture *f = *state;
	struct store_identity identity;
	void *store;

	assert_int_equal(engine->open(&f->settings, T0, &store, &identity),
			 ERR_LOCKED);
}

/* ---- mail ---- */

static void test_envelope_is_read_after_reopening(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	assert_int_equal(send(f, "a", box(1, 1), 10), STORE_SLOT_STORED);
	assert_int_equal(send(f, "b", box(1, 1), 11), STORE_SLOT_STORED);
	reopen(f);
	assert_int_equal(rows(f, box(1, 1), 0), 2);
	assert_string_equal(f->sealed, "sealed");
	assert_string_equal(f->payload, "payload");
	assert_int_equal(rows(f, box(1, 1), 10), 1);
	assert_int_equal(rows(f, box(1, 1), UINT64_MAX), 0);
	assert_int_equal(device(f, box(1, 1)).last_sequence, 11);
	assert_int_equal(device(f, box(1, 1)).cursor, 0);
}

static void test_envelope_to_unknown_device_is_gone(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	assert_int_equal(send(f, "a", box(1, 2), 1), STORE_SLOT_GONE);
	assert_int_equal(send(f, "a", box(2, 1), 1), STORE_SLOT_GONE);
	assert_false(device(f, box(1, 2)).device_known);
	assert_true(device(f, box(1, 2)).account_known);
	assert_false(device(f, box(2, 1)).account_known);
}

static void test_envelope_repeated_is_stored_once(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	assert_int_equal(send(f, "a", box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(send(f, "a", box(1, 1), 2), STORE_SLOT_STORED);
	reopen(f);
	assert_int_equal(send(f, "a", box(1, 1), 3), STORE_SLOT_STORED);
	assert_int_equal(ack(f, box(1, 1), 1), 0);
	f->now += DAY;
	sweep(f, f->now);
	assert_int_equal(send(f, "a", box(1, 1), 4), STORE_SLOT_STORED);
	assert_int_equal(rows(f, box(1, 1), 0), 0);
	f->now += 2 * DAY;
	sweep(f, f->now);
	assert_int_equal(send(f, "a", box(1, 1), 5), STORE_SLOT_STORED);
	assert_int_equal(rows(f, box(1, 1), 0), 1);
}

static void test_envelope_with_other_content_conflicts(void **state)
{
	struct fixture *f = *state;
	struct store_slot s[2] = { slot(box(1, 1), 2, "other"),
				   slot(box(1, 1), 2, "sealed") };
	struct store_op op = envelope("a", "payload", s, 1);

	enroll(f, 1, 1);
	assert_int_equal(send(f, "a", box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(commit(f, &op), 0);
	assert_int_equal(s[0].status, STORE_SLOT_CONFLICT);
	op = envelope("a", "another payload", &s[1], 1);
	assert_int_equal(commit(f, &op), 0);
	assert_int_equal(s[1].status, STORE_SLOT_CONFLICT);
	op.u.envelope.payload = text("payload");
	op.u.envelope.ephemeral_key[0] = 1;
	assert_int_equal(commit(f, &op), 0);
	assert_int_equal(s[1].status, STORE_SLOT_CONFLICT);
	assert_int_equal(rows(f, box(1, 1), 0), 1);
}

static void test_envelope_at_or_below_cursor_is_refused_whole(void **state)
{
	struct fixture *f = *state;
	struct store_slot s[2];
	struct store_op op;

	enroll(f, 1, 2);
	assert_int_equal(ack(f, box(1, 2), 5), 0);
	s[0] = slot(box(1, 1), 5, "x");
	s[1] = slot(box(1, 2), 5, "x");
	op = envelope("a", "payload", s, 2);
	assert_int_equal(commit(f, &op), ERR_USAGE);
	assert_int_equal(rows(f, box(1, 1), 0), 0);
}

static void test_shared_payload_lasts_until_its_last_row(void **state)
{
	struct fixture *f = *state;
	struct store_slot s[3];
	struct store_op op;

	enroll(f, 1, 2);
	enroll(f, 2, 1);
	s[0] = slot(box(1, 1), 1, "one");
	s[1] = slot(box(1, 2), 1, "two");
	s[2] = slot(box(2, 1), 1, "three");
	op = envelope("a", "shared", s, 3);
	assert_int_equal(commit(f, &op), 0);
	assert_int_equal(ack(f, box(1, 1), 1), 0);
	assert_int_equal(ack(f, box(1, 1), 1), 0);
	reopen(f);
	assert_int_equal(rows(f, box(1, 1), 0), 0);
	assert_int_equal(rows(f, box(1, 2), 0), 1);
	assert_string_equal(f->sealed, "two");
	assert_string_equal(f->payload, "shared");
	assert_int_equal(ack(f, box(1, 2), 1), 0);
	assert_int_equal(rows(f, box(2, 1), 0), 1);
	assert_string_equal(f->payload, "shared");
	assert_int_equal(ack(f, box(2, 1), 1), 0);
	assert_int_equal(rows(f, box(2, 1), 0), 0);
}

static void test_shared_envelope_repeated_fills_the_slots_left(void **state)
{
	struct fixture *f = *state;
	struct store_slot s[2];
	struct store_op op;

	enroll(f, 1, 1);
	s[0] = slot(box(1, 1), 1, "one");
	s[1] = slot(box(2, 1), 1, "two");
	op = envelope("a", "shared", s, 2);
	assert_int_equal(commit(f, &op), 0);
	assert_int_equal(s[0].status, STORE_SLOT_STORED);
	assert_int_equal(s[1].status, STORE_SLOT_GONE);
	enroll(f, 2, 1);
	s[0].sequence = 2;
	assert_int_equal(commit(f, &op), 0);
	assert_int_equal(s[1].status, STORE_SLOT_STORED);
	assert_int_equal(rows(f, box(1, 1), 0), 1);
	assert_int_equal(ack(f, box(1, 1), 1), 0);
	assert_int_equal(rows(f, box(2, 1), 0), 1);
	assert_string_equal(f->payload, "shared");
}

static void test_read_stops_where_the_caller_says(void **state)
{
	struct fixture *f = *state;
	struct seen s = { .f = f, .stop = 2 };
	struct mailbox_id m = box(1, 1);
	bool end = true;

	enroll(f, 1, 1);
	for (uint64_t i = 1; i <= 3; i++) {
		char id[8];

		snprintf(id, sizeof(id), "%d", (int)i);
		assert_int_equal(send(f, id, m, i), STORE_SLOT_STORED);
	}
	assert_int_equal(engine->read_mailbox(f->store, &m, 0, see, &s, &end),
			 0);
	assert_int_equal(s.n, 2);
	assert_false(end);
}

static void test_ack_deletes_up_to_it_and_moves_the_cursor(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 2);
	assert_int_equal(send(f, "a", box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(send(f, "b", box(1, 1), 2), STORE_SLOT_STORED);
	assert_int_equal(send(f, "c", box(1, 1), 4), STORE_SLOT_STORED);
	assert_int_equal(send(f, "d", box(1, 2), 1), STORE_SLOT_STORED);
	assert_int_equal(ack(f, box(1, 1), 3), 0);
	assert_int_equal(ack(f, box(1, 1), 2), 0);	/* goes not back */
	reopen(f);
	assert_int_equal(device(f, box(1, 1)).cursor, 3);
	assert_int_equal(device(f, box(1, 1)).last_sequence, 4);
	assert_int_equal(rows(f, box(1, 1), 0), 1);
	assert_int_equal(rows(f, box(1, 2), 0), 1);
	assert_int_equal(ack(f, box(1, 1), 9), 0);
	assert_int_equal(device(f, box(1, 1)).last_sequence, 9);
	assert_int_equal(ack(f, box(1, 3), 1), ERR_NOT_FOUND);
}

static void test_ops_of_a_batch_see_those_before(void **state)
{
	struct fixture *f = *state;
	struct store_slot s[2] = { slot(box(1, 1), 1, "s"),
				   slot(box(1, 1), 2, "s") };
	struct store_op put = envelope("a", "p", &s[0], 1),
			again = envelope("a", "p", &s[1], 1),
			a = { .type = STORE_ACK }, gone = { .type = STORE_ACK };
	struct store_op *ops[] = { &gone, &put, &again, &a };

	enroll(f, 1, 1);
	a.u.ack.mailbox = box(1, 1);
	a.u.ack.upto = 1;
	gone.u.ack.mailbox = box(7, 7);
	gone.u.ack.upto = 1;
	assert_int_equal(engine->commit(f->store, ops, 4, f->now), 0);
	assert_int_equal(gone.result, ERR_NOT_FOUND);
	assert_int_equal(put.result, 0);
	assert_int_equal(again.result, 0);
	assert_int_equal(s[1].status, STORE_SLOT_STORED);
	assert_int_equal(rows(f, box(1, 1), 0), 0);
	assert_int_equal(device(f, box(1, 1)).cursor, 1);
}

/* ---- quotas ---- */

static void fill(struct fixture *f, const char *prefix, int n,
		 uint64_t *sequence, enum capability_class class)
{
	char id[16];

	for (int i = 0; i < n; i++) {
		snprintf(id, sizeof(id), "%s%d", prefix, i);
		assert_int_equal(send_class(f, id, box(1, 1), ++*sequence,
					    class), STORE_SLOT_STORED);
	}
}

static void test_mailbox_full_until_acked(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence = 0;

	enroll(f, 1, 1);
	fill(f, "a", QUOTA_ROWS, &sequence, CAP_CONTACT);
	reopen(f);	/* counts come from the disk */
	assert_int_equal(send(f, "b", box(1, 1), ++sequence), STORE_SLOT_FULL);
	assert_int_equal(ack(f, box(1, 1), 1), 0);
	reopen(f);
	assert_int_equal(send(f, "b", box(1, 1), ++sequence),
			 STORE_SLOT_STORED);
	assert_int_equal(send(f, "c", box(1, 1), ++sequence), STORE_SLOT_FULL);
}

static void test_mailbox_full_by_bytes(void **state)
{
	struct fixture *f = *state;

	f->settings.mailbox_bytes = 200;
	reopen(f);
	enroll(f, 1, 1);
	assert_int_equal(send(f, "a", box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(send(f, "b", box(1, 1), 2), STORE_SLOT_FULL);
	assert_int_equal(ack(f, box(1, 1), 1), 0);
	assert_int_equal(send(f, "b", box(1, 1), 3), STORE_SLOT_STORED);
}

static void test_intro_has_a_share_of_the_mailbox(void **state)
{
	struct fixture *f = *state;
	uint64_t sequence = 0;

	enroll(f, 1, 1);
	fill(f, "i", QUOTA_ROWS / 10, &sequence, CAP_INTRO);
	assert_int_equal(send_class(f, "j", box(1, 1), ++sequence, CAP_INTRO),
			 STORE_SLOT_FULL);
	assert_int_equal(send(f, "k", box(1, 1), ++sequence),
			 STORE_SLOT_STORED);
	assert_int_equal(ack(f, box(1, 1), 1), 0);
	assert_int_equal(send_class(f, "j", box(1, 1), ++sequence, CAP_INTRO),
			 STORE_SLOT_STORED);
}

/* ---- retention ---- */

static void test_sweep_expires_and_counts(void **state)
{
	struct fixture *f = *state;
	struct store_op token = { .type = STORE_TOKEN };

	enroll(f, 1, 1);
	assert_int_equal(send(f, "a", box(1, 1), 1), STORE_SLOT_STORED);
	assert_int_equal(send(f, "b", box(1, 1), 2), STORE_SLOT_STORED);
	f->now += HOUR;
	assert_int_equal(send(f, "c", box(1, 1), 3), STORE_SLOT_STORED);
	sweep(f, T0 + RETENTION);
	assert_int_equal(rows(f, box(1, 1), 0), 3);
	sweep(f, T0 + HOUR + RETENTION);
	assert_int_equal(rows(f, box(1, 1), 0), 1);
	reopen(f);
	assert_int_equal(device(f, box(1, 1)).expired, 2);
	token.u.token.mailbox = box(1, 1);
	token.u.token.counter = 7;
	token.u.token.expired = 2;
	assert_int_equal(commit(f, &token), 0);
	sweep(f, T0 + 2 * HOUR + RETENTION);
	assert_int_equal(rows(f, box(1, 1), 0), 0);
	assert_int_equal(device(f, box(1, 1)).expired, 1);
	assert_int_equal(device(f, box(1, 1)).token_counter, 7);
}

static void test_sweep_releases_quota_and_shared_payloads(void **state)
{
	struct fixture *f = *state;
	struct store_slot s[2];
	struct store_op op;
	uint64_t sequence = 1;

	enroll(f, 1, 1);
	enroll(f, 2, 1);
	s[0] = slot(box(1, 1), 1, "one");
	s[1] = slot(box(2, 1), 1, "two");
	op = envelope("z", "shared", s, 2);
	assert_int_equal(commit(f, &op), 0);
	fill(f, "a", QUOTA_ROWS - 1, &sequence, CAP_CONTACT);
	assert_int_equal(ack(f, box(2, 1), 1), 0);
	f->now += RETENTION + HOUR;
	sweep(f, f->now);
	assert_int_equal(device(f, box(1, 1)).expired, QUOTA_ROWS);
	fill(f, "b", QUOTA_ROWS, &sequence, CAP_CONTACT);
}

static void test_sweep_after_the_clock_went_back(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	f->now += HOUR;
	assert_int_equal(send(f, "a", box(1, 1), 1), STORE_SLOT_STORED);
	f->now -= HOUR;
	assert_int_equal(send(f, "b", box(1, 1), 2), STORE_SLOT_STORED);
	sweep(f, T0 + HOUR + RETENTION);
	sweep(f, T0 + 2 * HOUR + RETENTION);
	assert_int_equal(rows(f, box(1, 1), 0), 0);
	assert_int_equal(device(f, box(1, 1)).expired, 2);
}

/* ---- accounts ---- */

static void test_register_twice(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	assert_int_equal(put_list(f, STORE_REGISTER, 1, list(1, 1, 0)), 0);
	assert_int_equal(put_list(f, STORE_REGISTER, 1, list(2, 1, 0)),
			 ERR_EXISTS);
	assert_int_equal(put_list(f, STORE_REGISTER, 2, text("\xff")),
			 ERR_FORMAT);
	assert_int_equal(put_list(f, STORE_REGISTER, 2, list(1, 2, 1 << 1)),
			 ERR_NOT_FOUND);
	assert_false(device(f, box(2, 1)).account_known);
}

static void test_list_removes_what_a_device_had(void **state)
{
	struct fixture *f = *state;
	struct store_slot s[2];
	struct store_op op;

	enroll(f, 1, 2);
	s[0] = slot(box(1, 1), 1, "one");
	s[1] = slot(box(1, 2), 1, "two");
	op = envelope("a", "shared", s, 2);
	assert_int_equal(commit(f, &op), 0);
	assert_int_equal(put_prekeys(f, box(1, 1), 1, 5), 5);
	assert_int_equal(put_list(f, STORE_LIST, 1, list(2, 3, 1 << 1)), 0);
	reopen(f);
	assert_int_equal(rows(f, box(1, 1), 0), 0);
	assert_false(device(f, box(1, 1)).device_known);
	assert_int_equal(send(f, "b", box(1, 1), 2), STORE_SLOT_GONE);
	assert_int_equal(put_prekeys(f, box(1, 1), 6, 1), ERR_NOT_FOUND);
	assert_int_equal(rows(f, box(1, 2), 0), 1);
	assert_string_equal(f->payload, "shared");
	assert_true(device(f, box(1, 3)).device_known);
	assert_int_equal(put_list(f, STORE_LIST, 9, list(2, 1, 0)),
			 ERR_NOT_FOUND);
	/* Were it listed again, it would begin with nothing. */
	assert_int_equal(put_list(f, STORE_LIST, 1, list(3, 3, 0)), 0);
	assert_int_equal(device(f, box(1, 1)).prekeys, 0);
	assert_int_equal(rows(f, box(1, 1), 0), 0);
}

static void test_read_device_gives_the_list(void **state)
{
	struct fixture *f = *state;
	struct store_device d = { .account_known = false };
	struct mailbox_id m = box(1, 1);
	struct bytes l;

	enroll(f, 1, 1);
	buf_init(&d.list, DEVICE_LIST_BYTES_MAX);
	assert_int_equal(engine->read_device(f->store, &m, &d), 0);
	l = list(1, 1, 0);
	assert_int_equal(d.list.len, l.len);
	assert_memory_equal(d.list.data, l.data, l.len);
	buf_finish(&d.list);
}

struct revoked {
	size_t n;
	uint8_t last[CAPABILITY_ID_LEN];
};

static void see_revoked(void *ctx, const uint8_t id[CAPABILITY_ID_LEN])
{
	struct revoked *r = ctx;

	r->n++;
	memcpy(r->last, id, CAPABILITY_ID_LEN);
}

static size_t revoked(struct fixture *f)
{
	struct revoked r = { .n = 0 };

	assert_int_equal(engine->read_revoked(f->store, see_revoked, &r), 0);
	if (r.n > 0)
		assert_int_equal(r.last[0], 2);
	return r.n;
}

static void test_revocations_last_as_long_as_capabilities(void **state)
{
	struct fixture *f = *state;
	struct store_op op = { .type = STORE_REVOKE };
	const uint8_t ids[2][CAPABILITY_ID_LEN] = { { 1 }, { 2 } };

	op.u.revoke.account = account(1);
	op.u.revoke.ids = ids;
	op.u.revoke.n = 2;
	assert_int_equal(commit(f, &op), 0);
	reopen(f);
	assert_int_equal(revoked(f), 2);
	sweep(f, T0 + CAPABILITY_HOURS * HOUR);
	assert_int_equal(revoked(f), 2);
	sweep(f, T0 + CAPABILITY_HOURS * HOUR + 3 * DAY);
	assert_int_equal(revoked(f), 0);
}

/* ---- prekeys ---- */

static void test_take_hands_a_prekey_out_once(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	assert_int_equal(put_prekeys(f, box(1, 1), 1, 3), 3);
	assert_int_equal(take(f, "a", 1, false), 1);
	assert_int_equal(take(f, "b", 1, false), 2);
	reopen(f);
	assert_int_equal(device(f, box(1, 1)).prekeys, 1);
	assert_int_equal(take(f, "c", 1, false), 3);
	assert_int_equal(take(f, "d", 1, false), 0);
	assert_int_equal(take(f, "e", 2, false), ERR_NOT_FOUND);
}

static void test_take_repeated_answers_the_same(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	enroll(f, 2, 1);
	assert_int_equal(put_prekeys(f, box(1, 1), 1, 3), 3);
	assert_int_equal(take(f, "a", 1, false), 1);
	assert_int_equal(take(f, "b", 1, false), 2);
	reopen(f);
	f->now += DAY - 1;
	sweep(f, f->now);
	assert_int_equal(take(f, "a", 1, false), 1);
	assert_int_equal(take(f, "a", 2, false), ERR_CONFLICT);
	assert_int_equal(device(f, box(1, 1)).prekeys, 1);
}

static void test_take_of_the_list_alone_takes_nothing(void **state)
{
	struct fixture *f = *state;
	struct store_op op = { .type = STORE_TAKE };
	Sotto__Fetched *fetched;
	struct buf out;

	enroll(f, 1, 1);
	assert_int_equal(put_prekeys(f, box(1, 1), 1, 3), 3);
	buf_init(&out, 4096);
	op.u.take.account = account(1);
	op.u.take.list_only = true;
	op.u.take.fetched = &out;
	assert_int_equal(commit(f, &op), 0);
	fetched = sotto__fetched__unpack(NULL, out.len, out.data);
	assert_non_null(fetched);
	assert_int_equal(fetched->list->n_devices, 1);
	assert_int_equal(fetched->n_bundles, 0);
	sotto__fetched__free_unpacked(fetched, NULL);
	buf_finish(&out);
	assert_int_equal(device(f, box(1, 1)).prekeys, 3);
}

static void test_take_by_intro_only_from_its_share(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	assert_int_equal(put_prekeys(f, box(1, 1), 1, 20), 20);
	assert_int_equal(take(f, "a", 1, true), 1);
	assert_int_equal(take(f, "b", 1, true), 2);
	assert_int_equal(take(f, "c", 1, true), 0);
	assert_int_equal(take(f, "d", 1, false), 3);
	assert_int_equal(put_prekeys(f, box(1, 1), 21, 10), 27);
	assert_int_equal(take(f, "e", 1, true), 4);
	assert_int_equal(take(f, "f", 1, true), 0);
}

static void test_prekeys_repeated_come_not_back(void **state)
{
	struct fixture *f = *state;

	enroll(f, 1, 1);
	assert_int_equal(put_prekeys(f, box(1, 1), 0xfffffe, 2), 2);
	assert_int_equal(take(f, "a", 1, false), 0xfffffe);
	assert_int_equal(put_prekeys(f, box(1, 1), 0xfffffe, 2), 1);
	/* Ids begin anew after 2^24 - 1. */
	assert_int_equal(put_prekeys(f, box(1, 1), 1, 2), 3);
	assert_int_equal(put_prekeys(f, box(1, 1), 0xfffffe, 2), 3);
	assert_int_equal(take(f, "b", 1, false), 0xffffff);
	assert_int_equal(take(f, "c", 1, false), 1);
}

static void test_prekeys_over_the_maximum_are_refused_whole(void **state)
{
	struct fixture *f = *state;
	uint32_t id = 1;

	enroll(f, 1, 1);
	for (; id <= PREKEYS_MAX; id += 100)
		assert_int_equal(put_prekeys(f, box(1, 1), id, 100),
				 id + 99);
	assert_int_equal(put_prekeys(f, box(1, 1), id, 1), ERR_FULL);
	assert_int_equal(take(f, "a", 1, false), 1);
	assert_int_equal(put_prekeys(f, box(1, 1), id, 1), PREKEYS_MAX);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_open_again_keeps_identity_and_raises_boot),
		TEST(test_open_of_an_open_store_is_locked),
		TEST(test_envelope_is_read_after_reopening),
		TEST(test_envelope_to_unknown_device_is_gone),
		TEST(test_envelope_repeated_is_stored_once),
		TEST(test_envelope_with_other_content_conflicts),
		TEST(test_envelope_at_or_below_cursor_is_refused_whole),
		TEST(test_shared_payload_lasts_until_its_last_row),
		TEST(test_shared_envelope_repeated_fills_the_slots_left),
		TEST(test_read_stops_where_the_caller_says),
		TEST(test_ack_deletes_up_to_it_and_moves_the_cursor),
		TEST(test_ops_of_a_batch_see_those_before),
		TEST(test_mailbox_full_until_acked),
		TEST(test_mailbox_full_by_bytes),
		TEST(test_intro_has_a_share_of_the_mailbox),
		TEST(test_sweep_expires_and_counts),
		TEST(test_sweep_releases_quota_and_shared_payloads),
		TEST(test_sweep_after_the_clock_went_back),
		TEST(test_register_twice),
		TEST(test_list_removes_what_a_device_had),
		TEST(test_read_device_gives_the_list),
		TEST(test_revocations_last_as_long_as_capabilities),
		TEST(test_take_hands_a_prekey_out_once),
		TEST(test_take_repeated_answers_the_same),
		TEST(test_take_of_the_list_alone_takes_nothing),
		TEST(test_take_by_intro_only_from_its_share),
		TEST(test_prekeys_repeated_come_not_back),
		TEST(test_prekeys_over_the_maximum_are_refused_whole),
	};
	const struct store_ops *const engines[] = { &store_rocks };
	int failed = 0;

	for (size_t i = 0; i < sizeof(engines) / sizeof(*engines); i++) {
		engine = engines[i];
		failed += cmocka_run_group_tests_name(engine->name, tests,
						      NULL, NULL);
	}
	return failed;
}
