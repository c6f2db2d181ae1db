#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <unistd.h>

#include "identity.h"
#include "storage.h"
#include "sys.h"

enum { QUEUE = 64, PUTS = 1000, SEALED = 100 };

struct fixture {
	char dir[64];
	uv_loop_t loop;
	struct storage *storage;
	struct put *puts;
	size_t done, rooms;
};

struct put {
	struct storage_write write;
	struct store_slot slot;
	struct fixture *fixture;
	size_t index;
};

/* Set on the loop alone: a job's own fields are the threads' until then. */
static bool answered;

static const struct mailbox_id mailbox = { { { 1 } }, 1 };
static const uint8_t sealed[SEALED];

static void start(struct fixture *f)
{
	struct store_settings settings = {
		.dir = f->dir, .retention = 86400, .mailbox_rows = 10000,
		.mailbox_bytes = 1 << 30, .intro_share = 10,
	};
	struct store_identity identity;
	void *store;

	assert_int_equal(store_rocks.open(
		&settings, (uint32_t)(sys_wall_ms(&sys_real) / 1000), &store,
		&identity), 0);
	assert_int_equal(storage_create(&f->loop, &store_rocks, store, QUEUE,
					&f->storage), 0);
}

static void stop(struct fixture *f)
{
	storage_destroy(f->storage);
	f->storage = NULL;
	uv_run(&f->loop, UV_RUN_DEFAULT);
}

static void on_registered(struct storage_write *w)
{
	assert_int_equal(w->op.result, 0);
	answered = true;
}

static void enroll(struct fixture *f)
{
	struct storage_write w = { .done = on_registered };
	Sotto__DeviceList l = SOTTO__DEVICE_LIST__INIT;
	Sotto__Device d = SOTTO__DEVICE__INIT, *p = &d;
	uint8_t list[64];

	d.id = 1;
	l.n_devices = 1;
	l.devices = &p;
	w.op.type = STORE_REGISTER;
	w.op.u.account.account = mailbox.account;
	w.op.u.account.device = 1;
	w.op.u.account.list = (struct bytes){
		list, sotto__device_list__pack(&l, list) };
	answered = false;
	assert_int_equal(storage_submit(f->storage, &w), 0);
	while (!answered)
		uv_run(&f->loop, UV_RUN_ONCE);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/sotto-storage-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	assert_int_equal(uv_loop_init(&f->loop), 0);
	f->puts = xcalloc(PUTS, sizeof(*f->puts));
	start(f);
	enroll(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	stop(f);
	assert_int_equal(uv_loop_close(&f->loop), 0);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f->puts);
	free(f);
	return 0;
}

static void on_put(struct storage_write *w)
{
	struct put *p = (struct put *)w;

	assert_int_equal(w->op.result, 0);
	assert_int_equal(p->slot.status, STORE_SLOT_STORED);
	assert_int_equal(p->index, p->fixture->done);
	p->fixture->done++;
}

static int put(struct fixture *f, size_t index)
{
	struct put *p = &f->puts[index];
	struct store_op *op = &p->write.op;

	p->fixture = f;
	p->index = index;
	p->write.done = on_put;
	p->slot.mailbox = mailbox;
	p->slot.sequence = index + 1;
	p->slot.class = CAP_CONTACT;
	p->slot.sealed = (struct bytes){ sealed, sizeof(sealed) };
	op->type = STORE_ENVELOPE;
	put_u64(op->u.envelope.id, index);
	op->u.envelope.slots = &p->slot;
	op->u.envelope.n_slots = 1;
	return storage_submit(f->storage, &p->write);
}

static void test_submit_completes_in_order(void **state)
{
	struct fixture *f = *state;
	size_t sent = 0;

	while (f->done < PUTS) {
		while (sent < PUTS && storage_queued(f->storage) < QUEUE)
			assert_int_equal(put(f, sent++), 0);
		uv_run(&f->loop, UV_RUN_ONCE);
	}
	assert_int_equal(storage_queued(f->storage), 0);
}

static void on_room(void *ctx)
{
	struct fixture *f = ctx;

	f->rooms++;
}

static void test_submit_is_full_until_there_is_room(void **state)
{
	struct fixture *f = *state;
	size_t i;

	storage_on_room(f->storage, on_room, f);
	for (i = 0; i < QUEUE; i++)
		assert_int_equal(put(f, i), 0);
	assert_int_equal(put(f, i), ERR_FULL);
	assert_int_equal(f->rooms, 0);
	while (f->rooms == 0)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(put(f, i), 0);
	while (f->done < QUEUE + 1)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(f->rooms, 1);
}

static void on_read(struct storage_read *r)
{
	assert_int_equal(r->result, 0);
	answered = true;
}

static size_t read_rows(struct fixture *f, struct storage_read *r)
{
	size_t n = 0;

	r->type = STORAGE_MAILBOX;
	r->mailbox = mailbox;
	r->done = on_read;
	answered = false;
	assert_int_equal(storage_read(f->storage, r), 0);
	while (!answered)
		uv_run(&f->loop, UV_RUN_ONCE);
	for (struct storage_row *row = r->rows, *next; row; row = next, n++) {
		next = row->next;
		assert_int_equal(row->row.sequence, r->after + n + 1);
		assert_int_equal(row->row.sealed.len, SEALED);
		free(row);
	}
	buf_finish(&r->device.list);
	return n;
}

static void test_destroy_commits_what_waits(void **state)
{
	struct fixture *f = *state;
	struct storage_read r = { .max_rows = 1000, .max_bytes = 1 << 20 };

	for (size_t i = 0; i < QUEUE; i++)
		assert_int_equal(put(f, i), 0);
	stop(f);
	assert_int_equal(f->done, QUEUE);
	start(f);
	assert_int_equal(read_rows(f, &r), QUEUE);
	assert_true(r.end);
}

static void test_read_is_bounded_and_gives_a_row_at_least(void **state)
{
	struct fixture *f = *state;
	struct storage_read r = { .max_rows = 5, .max_bytes = 1 << 20 };

	for (size_t i = 0; i < 10; i++)
		assert_int_equal(put(f, i), 0);
	while (f->done < 10)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_int_equal(read_rows(f, &r), 5);
	assert_false(r.end);
	r.after = 5;
	assert_int_equal(read_rows(f, &r), 5);
	assert_true(r.end);
	r.max_bytes = 3 * SEALED;
	assert_int_equal(read_rows(f, &r), 3);
	r.max_bytes = 1;
	assert_int_equal(read_rows(f, &r), 1);
	assert_false(r.end);
}

static void test_read_device_gives_list_and_counters(void **state)
{
	struct fixture *f = *state;
	struct storage_read r = { .type = STORAGE_DEVICE, .mailbox = mailbox,
				  .done = on_read };

	assert_int_equal(put(f, 0), 0);
	while (f->done < 1)
		uv_run(&f->loop, UV_RUN_ONCE);
	answered = false;
	assert_int_equal(storage_read(f->storage, &r), 0);
	while (!answered)
		uv_run(&f->loop, UV_RUN_ONCE);
	assert_true(r.device.account_known);
	assert_true(r.device.device_known);
	assert_true(r.device.list.len > 0);
	assert_int_equal(r.device.last_sequence, 1);
	buf_finish(&r.device.list);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_submit_completes_in_order),
		TEST(test_submit_is_full_until_there_is_room),
		TEST(test_destroy_commits_what_waits),
		TEST(test_read_is_bounded_and_gives_a_row_at_least),
		TEST(test_read_device_gives_list_and_counters),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
