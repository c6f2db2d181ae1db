#include "drive.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "identity.h"
#include "relay.pb-c.h"

const struct store_ops *drive_engine;

void drive_reopen(struct drive *f)
{
	if (f->store)
		drive_engine->close(f->store);
	f->store = NULL;
	assert_int_equal(drive_engine->open(&f->settings, f->now, &f->store,
				      &f->identity), 0);
}

int drive_setup(void **state)
{
	struct drive *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/sotto-store-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->settings = (struct store_settings){
		.dir = f->dir, .retention = RETENTION,
		.mailbox_rows = QUOTA_ROWS, .mailbox_bytes = 1 << 20,
		.intro_share = 10,
	};
	f->now = T0;
	drive_reopen(f);
	*state = f;
	return 0;
}

int drive_teardown(void **state)
{
	struct drive *f = *state;
	char command[128];

	drive_engine->close(f->store);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

struct account_id drive_account(unsigned n)
{
	struct account_id a = { { 0 } };

	put_u32(a.b, n);
	return a;
}

struct mailbox_id drive_box(unsigned n, uint32_t device)
{
	return (struct mailbox_id){ drive_account(n), device };
}

struct bytes drive_list(uint64_t version, unsigned n, unsigned without)
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

struct bytes drive_text(const char *s)
{
	return (struct bytes){ (const uint8_t *)s, strlen(s) };
}

int drive_commit(struct drive *f, struct store_op *op)
{
	int err = drive_engine->commit(f->store, &op, 1, f->now);

	return err ? err : op->result;
}

int drive_put_list(struct drive *f, enum store_op_type type, unsigned n,
		    struct bytes l)
{
	struct store_op op = { .type = type };
	/* A real Bundle, for Fetched is parsed below. */
	static const uint8_t bundle[] = { 1 << 3, 1, 2 << 3, 1 };

	op.u.account.account = drive_account(n);
	op.u.account.list = l;
	op.u.account.device = 1;
	op.u.account.bundle = (struct bytes){ bundle, sizeof(bundle) };
	return drive_commit(f, &op);
}

void drive_enroll(struct drive *f, unsigned n, unsigned devices)
{
	assert_int_equal(drive_put_list(f, STORE_REGISTER, n, drive_list(1, devices, 0)),
			 0);
}

struct store_slot drive_slot(struct mailbox_id m, uint64_t sequence,
			      const char *sealed)
{
	return (struct store_slot){ .mailbox = m, .sequence = sequence,
				    .class = CAP_CONTACT,
				    .sealed = drive_text(sealed) };
}

struct store_op drive_envelope(const char *id, const char *payload,
				struct store_slot *slots, size_t n)
{
	struct store_op op = { .type = STORE_ENVELOPE };

	memcpy(op.u.envelope.id, id, strlen(id));
	op.u.envelope.payload = drive_text(payload);
	op.u.envelope.slots = slots;
	op.u.envelope.n_slots = n;
	return op;
}

int drive_send_class(struct drive *f, const char *id, struct mailbox_id m,
		      uint64_t sequence, enum capability_class class)
{
	struct store_slot s = drive_slot(m, sequence, "sealed");
	struct store_op op = drive_envelope(id, "payload", &s, 1);
	int err;

	s.class = class;
	err = drive_commit(f, &op);
	return err ? err : (int)s.status;
}

int drive_send(struct drive *f, const char *id, struct mailbox_id m,
		uint64_t sequence)
{
	return drive_send_class(f, id, m, sequence, CAP_CONTACT);
}

int drive_ack(struct drive *f, struct mailbox_id m, uint64_t upto)
{
	struct store_op op = { .type = STORE_ACK };

	op.u.ack.mailbox = m;
	op.u.ack.upto = upto;
	return drive_commit(f, &op);
}

int drive_put_prekeys(struct drive *f, struct mailbox_id m, uint32_t first,
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
	err = drive_commit(f, &op);
	return err ? err : (int)op.u.prekeys.stored;
}

int drive_take(struct drive *f, const char *id, unsigned n, bool intro)
{
	struct store_op op = { .type = STORE_TAKE };
	Sotto__Fetched *fetched;
	struct buf out;
	int r;

	buf_init(&out, 1 << 16);
	memcpy(op.u.take.id, id, strlen(id));
	op.u.take.account = drive_account(n);
	op.u.take.intro = intro;
	op.u.take.fetched = &out;
	r = drive_commit(f, &op);
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

struct store_device drive_device(struct drive *f, struct mailbox_id m)
{
	struct store_device d = { .account_known = false };

	buf_init(&d.list, DEVICE_LIST_BYTES_MAX);
	assert_int_equal(drive_engine->read_device(f->store, &m, &d), 0);
	buf_finish(&d.list);
	return d;
}

bool drive_see(void *ctx, const struct store_row *row)
{
	struct drive_seen *s = ctx;

	if (s->n == s->stop)
		return false;
	s->sequences[s->n++] = row->sequence;
	snprintf(s->f->sealed, sizeof(s->f->sealed), "%.*s",
		 (int)row->sealed.len, (const char *)row->sealed.data);
	snprintf(s->f->payload, sizeof(s->f->payload), "%.*s",
		 (int)row->payload.len, (const char *)row->payload.data);
	return true;
}

size_t drive_rows(struct drive *f, struct mailbox_id m, uint64_t after)
{
	struct drive_seen s = { .f = f, .stop = 64 };
	bool end = false;

	assert_int_equal(drive_engine->read_mailbox(f->store, &m, after, drive_see, &s,
					      &end), 0);
	assert_true(end);
	for (size_t i = 1; i < s.n; i++)
		assert_true(s.sequences[i] > s.sequences[i - 1]);
	return s.n;
}

void drive_sweep(struct drive *f, uint32_t now)
{
	bool more = true;

	while (more)
		assert_int_equal(drive_engine->sweep(f->store, now, &more), 0);
}
