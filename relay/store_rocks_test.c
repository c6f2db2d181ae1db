/* What is the embedded engine's own; tests/store has what every engine does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store_rocks.h"

enum { NOW = 1750032000 };

struct fixture {
	struct store_settings settings;
	char dir[64];
	void *store;
};

static void reopen(struct fixture *f)
{
	struct store_identity identity;

	if (f->store)
		store_rocks.close(f->store);
	assert_int_equal(store_rocks.open(&f->settings, NOW, &f->store,
					  &identity), 0);
}

static int setup(void **state)
{
	struct fixture *f = xcalloc(1, sizeof(*f));

	snprintf(f->dir, sizeof(f->dir), "/tmp/sotto-rocks-XXXXXX");
	assert_non_null(mkdtemp(f->dir));
	f->settings = (struct store_settings){
		.dir = f->dir, .retention = 86400, .mailbox_rows = 100,
		.mailbox_bytes = 1 << 20, .intro_share = 10,
	};
	reopen(f);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;
	char command[128];

	if (f->store)
		store_rocks.close(f->store);
	snprintf(command, sizeof(command), "rm -r '%s'", f->dir);
	assert_int_equal(system(command), 0);
	free(f);
	return 0;
}

static struct mailbox_id mailbox(uint8_t n)
{
	return (struct mailbox_id){ { { n } }, 1 };
}

static void enroll(struct fixture *f, uint8_t n)
{
	Sotto__DeviceList l = SOTTO__DEVICE_LIST__INIT;
	Sotto__Device d = SOTTO__DEVICE__INIT, *p = &d;
	struct store_op op = { .type = STORE_REGISTER }, *ops = &op;
	uint8_t list[64];

	d.id = 1;
	l.n_devices = 1;
	l.devices = &p;
	op.u.account.account = mailbox(n).account;
	op.u.account.device = 1;
	op.u.account.list = (struct bytes){
		list, sotto__device_list__pack(&l, list) };
	assert_int_equal(store_rocks.commit(f->store, &ops, 1, NOW), 0);
	assert_int_equal(op.result, 0);
}

static struct store_op envelope(uint8_t id, struct store_slot *slot, uint8_t n,
				const char *sealed)
{
	struct store_op op = { .type = STORE_ENVELOPE };

	*slot = (struct store_slot){
		.mailbox = mailbox(n), .sequence = id, .class = CAP_CONTACT,
		.sealed = { (const uint8_t *)sealed, strlen(sealed) },
	};
	op.u.envelope.id[0] = id;
	op.u.envelope.slots = slot;
	op.u.envelope.n_slots = 1;
	return op;
}

/* Changes a byte of text where it stands in a table file; how many files had
 * it. */
static unsigned damage(const struct fixture *f, const char *text)
{
	char path[512];
	struct dirent *e;
	unsigned found = 0;
	DIR *d;

	snprintf(path, sizeof(path), "%s/store", f->dir);
	d = opendir(path);
	assert_non_null(d);
	while ((e = readdir(d))) {
		static uint8_t data[1 << 20];
		uint8_t *at;
		ssize_t n;
		int fd;

		if (!strstr(e->d_name, ".sst"))
			continue;
		snprintf(path, sizeof(path), "%s/store/%s", f->dir, e->d_name);
		fd = open(path, O_RDWR);
		n = read(fd, data, sizeof(data));
		at = n > 0 ? memmem(data, (size_t)n, text, strlen(text)) : NULL;
		if (at) {
			found++;
			assert_int_equal(pwrite(fd, "#", 1, at - data), 1);
		}
		close(fd);
	}
	closedir(d);
	return found;
}

static bool no_row(void *ctx, const struct store_row *row)
{
	(void)ctx, (void)row;
	fail_msg("a damaged row was read");
	return false;
}

static void test_damaged_block_fails_what_needs_it_alone(void **state)
{
	struct fixture *f = *state;
	struct store_slot s[2];
	struct store_op a = envelope(1, &s[0], 1, "to be damaged"), b,
			ack = { .type = STORE_ACK };
	struct store_op *first = &a, *both[] = { &ack, &b };
	struct mailbox_id m = mailbox(1);
	bool end;

	enroll(f, 1);
	enroll(f, 2);
	assert_int_equal(store_rocks.commit(f->store, &first, 1, NOW), 0);
	reopen(f);	/* which moves the rows into a table file */
	store_rocks.close(f->store);
	f->store = NULL;
	assert_int_equal(damage(f, "to be damaged"), 1);
	reopen(f);
	assert_int_equal(store_rocks.read_mailbox(f->store, &m, 0, no_row, NULL,
						  &end), ERR_CORRUPT);
	ack.u.ack.mailbox = m;
	ack.u.ack.upto = 1;
	b = envelope(2, &s[1], 2, "goes on");
	assert_int_equal(store_rocks.commit(f->store, both, 2, NOW), 0);
	assert_int_equal(ack.result, ERR_CORRUPT);
	assert_int_equal(b.result, 0);
	assert_int_equal(s[1].status, STORE_SLOT_STORED);
}

/* A process that holds the database's lock, until the pipe is closed. */
static pid_t hold(struct fixture *f, int *release)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int ready[2], end[2];
	char path[128], c = 0;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/store/LOCK", f->dir);
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(end), 0);
	pid = fork();
	if (pid == 0) {
		close(end[1]);
		if (fcntl(open(path, O_RDWR), F_SETLK, &lock) == 0 &&
		    write(ready[1], &c, 1) == 1 && read(end[0], &c, 1) == 0)
			_exit(0);
		_exit(1);
	}
	close(ready[1]);
	assert_int_equal(read(ready[0], &c, 1), 1);
	close(ready[0]);
	close(end[0]);
	*release = end[1];
	return pid;
}

static void test_open_while_another_process_has_it_is_locked(void **state)
{
	struct fixture *f = *state;
	struct store_identity identity;
	int release, status;
	void *store;
	pid_t pid;

	store_rocks.close(f->store);
	f->store = NULL;
	pid = hold(f, &release);
	assert_int_equal(store_rocks.open(&f->settings, NOW, &store, &identity),
			 ERR_LOCKED);
	close(release);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	reopen(f);
}

static void test_row_cut_anywhere_is_corrupt(void **state)
{
	struct rocks_row row = { .class = CAP_INTRO, .hour = 7,
				 .payload_len = 7 }, out;
	struct buf b;

	(void)state;
	row.row.sealed = (struct bytes){ (const uint8_t *)"sealed", 6 };
	row.row.payload = (struct bytes){ (const uint8_t *)"payload", 7 };
	buf_init(&b, 1024);
	for (int shared = 0; shared < 2; shared++) {
		row.shared = shared;
		rocks_row_encode(&row, &b);
		assert_int_equal(rocks_row_decode(b.data, b.len, &out), 0);
		assert_int_equal(out.class, CAP_INTRO);
		assert_int_equal(out.shared, shared);
		assert_int_equal(out.row.sealed.len, 6);
		assert_int_equal(out.row.payload.len, shared ? 0 : 7);
		for (size_t len = 0; len < b.len; len++) {
			uint8_t *cut = xmalloc(len ? len : 1);

			memcpy(cut, b.data, len);
			assert_int_equal(rocks_row_decode(cut, len, &out),
					 ERR_CORRUPT);
			free(cut);
		}
	}
	buf_finish(&b);
}

static void test_state_survives_its_encoding(void **state)
{
	struct rocks_state s = {
		.cursor = 1, .last_sequence = 2, .token_counter = 3,
		.expired = 4, .bytes = 5, .intro_bytes = 6, .rows = 7,
		.intro_rows = 8, .prekey_head = 9, .prekey_tail = 10,
		.prekey_last = 11, .intro_credit = 12, .hour = 13,
	}, out;
	uint8_t encoded[ROCKS_STATE_LEN], again[ROCKS_STATE_LEN];

	(void)state;
	rocks_state_encode(&s, encoded);
	assert_int_equal(rocks_state_decode(encoded, sizeof(encoded), &out), 0);
	rocks_state_encode(&out, again);
	assert_memory_equal(encoded, again, sizeof(again));
	assert_int_equal(out.hour, 13);
	assert_int_equal(rocks_state_decode(encoded, sizeof(encoded) - 1, &out),
			 ERR_CORRUPT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_damaged_block_fails_what_needs_it_alone),
		TEST(test_open_while_another_process_has_it_is_locked),
		cmocka_unit_test(test_row_cut_anywhere_is_corrupt),
		cmocka_unit_test(test_state_survives_its_encoding),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
