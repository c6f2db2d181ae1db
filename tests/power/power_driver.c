/* Runs commands on the embedded engine, one a line of stdin, and tells on stdout
 * what was acknowledged: power_test.py's hands.
 *
 *   usage: power_driver DIR NOW      prints "boot N" once it is open
 *
 *   reg A MASK | list A VERSION MASK      devices of account A as bits
 *   put ID SIZE CLASS A:D:SEQUENCE ...    content derives from ID
 *   ack A D SEQUENCE
 *   prekeys A D FIRST N
 *   take ID A INTRO
 *   token A D COUNTER EXPIRED
 *   revoke A ID
 *   commit NOW    the commands above since the last: "done ERR RESULT ..."
 *   sweep NOW     to the end: "swept ERR"
 *   dump          "dev ...", "row ...", "bad ..." lines, then "end"
 *
 * A put's result is its slots' statuses, a take's "device=prekey,..." of those
 * that got one. */
#include <stdarg.h>
#include <unistd.h>

#include "check.h"
#include "identity.h"
#include "relay.pb-c.h"
#include "store.h"

enum { OPS = 64, SLOTS = 8, PAYLOAD = 16384, LINE = 4096, DEVICES = 3 };

/* An op and the memory that its input points to. */
struct job {
	struct store_op op;
	struct store_slot slots[SLOTS];
	char sealed[SLOTS][64];
	uint8_t payload[PAYLOAD], list[256];
	struct store_prekey prekeys[PREKEYS_PUT_MAX];
	uint8_t revoked[1][CAPABILITY_ID_LEN];
	struct buf fetched;
};

static const struct store_ops *const engine = &store_rocks;
static struct job jobs[OPS];
static size_t n_jobs;
static unsigned accounts;	/* as many as were registered: dump asks them */

static struct account_id account(unsigned a)
{
	struct account_id id;

	for (size_t i = 0; i < ACCOUNT_LEN; i += 4)
		put_u32(id.b + i, a);
	return id;
}

static struct bytes device_list(struct job *j, unsigned version, unsigned mask)
{
	Sotto__DeviceList l = SOTTO__DEVICE_LIST__INIT;
	Sotto__Device d[DEVICES], *p[DEVICES];

	l.version = version;
	l.devices = p;
	for (unsigned i = 1; i <= DEVICES; i++) {
		if (!(mask & 1u << i))
			continue;
		sotto__device__init(&d[l.n_devices]);
		d[l.n_devices].id = i;
		p[l.n_devices] = &d[l.n_devices];
		l.n_devices++;
	}
	return (struct bytes){ j->list,
			       sotto__device_list__pack(&l, j->list) };
}

static void fill_payload(uint8_t *out, size_t len, unsigned long id)
{
	for (size_t i = 0; i < len; i++)
		out[i] = (uint8_t)(id * 31 + i * 7);
}

static bool parse_put(struct job *j, const char *rest)
{
	unsigned long id;
	unsigned size, class;
	struct store_op *op = &j->op;
	int used;

	if (sscanf(rest, "%lu %u %u%n", &id, &size, &class, &used) != 3 ||
	    size > PAYLOAD)
		return false;
	op->type = STORE_ENVELOPE;
	put_u64(op->u.envelope.id, id);
	fill_payload(j->payload, size, id);
	op->u.envelope.payload = (struct bytes){ j->payload, size };
	op->u.envelope.slots = j->slots;
	for (rest += used; op->u.envelope.n_slots < SLOTS; rest += used) {
		struct store_slot *s = &j->slots[op->u.envelope.n_slots];
		char *sealed = j->sealed[op->u.envelope.n_slots];
		unsigned long sequence;
		unsigned a, d;

		if (sscanf(rest, " %u:%u:%lu%n", &a, &d, &sequence, &used) != 3)
			break;
		*s = (struct store_slot){ .mailbox = { account(a), d },
					  .sequence = sequence,
					  .class = class };
		snprintf(sealed, sizeof(j->sealed[0]), "%lu %u %u", id, a, d);
		s->sealed = (struct bytes){ (uint8_t *)sealed, strlen(sealed) };
		op->u.envelope.n_slots++;
	}
	return op->u.envelope.n_slots > 0;
}

static bool parse_list(struct job *j, const char *word, const char *rest)
{
	/* A Bundle of suite 1 for device 1, for Fetched is parsed below. */
	static const uint8_t bundle[] = { 1 << 3, 1, 2 << 3, 1 };
	unsigned a, version = 1, mask;
	struct store_op *op = &j->op;

	if (strcmp(word, "reg") == 0) {
		op->type = STORE_REGISTER;
		if (sscanf(rest, "%u %u", &a, &mask) != 2)
			return false;
		if (accounts < a)
			accounts = a;
	} else {
		op->type = STORE_LIST;
		if (sscanf(rest, "%u %u %u", &a, &version, &mask) != 3)
			return false;
	}
	op->u.account.account = account(a);
	op->u.account.list = device_list(j, version, mask);
	op->u.account.device = 1;
	op->u.account.bundle = (struct bytes){ bundle, sizeof(bundle) };
	return true;
}

static bool parse_prekeys(struct job *j, const char *rest)
{
	struct store_op *op = &j->op;
	unsigned a, d, first, n;

	if (sscanf(rest, "%u %u %u %u", &a, &d, &first, &n) != 4 ||
	    n > PREKEYS_PUT_MAX)
		return false;
	op->type = STORE_PREKEYS;
	op->u.prekeys.mailbox = (struct mailbox_id){ account(a), d };
	op->u.prekeys.keys = j->prekeys;
	op->u.prekeys.n = n;
	for (unsigned i = 0; i < n; i++) {
		j->prekeys[i].id = first + i;
		memset(j->prekeys[i].key, (int)(first + i), 33);
	}
	return true;
}

static bool parse_other(struct job *j, const char *word, const char *rest)
{
	struct store_op *op = &j->op;
	unsigned long x, y;
	unsigned a, b;

	if (strcmp(word, "ack") == 0 &&
	    sscanf(rest, "%u %u %lu", &a, &b, &x) == 3) {
		op->type = STORE_ACK;
		op->u.ack.mailbox = (struct mailbox_id){ account(a), b };
		op->u.ack.upto = x;
	} else if (strcmp(word, "take") == 0 &&
		   sscanf(rest, "%lu %u %u", &x, &a, &b) == 3) {
		op->type = STORE_TAKE;
		put_u64(op->u.take.id, x);
		op->u.take.account = account(a);
		op->u.take.intro = b;
		buf_init(&j->fetched, 1 << 16);
		op->u.take.fetched = &j->fetched;
	} else if (strcmp(word, "token") == 0 &&
		   sscanf(rest, "%u %u %lu %lu", &a, &b, &x, &y) == 4) {
		op->type = STORE_TOKEN;
		op->u.token.mailbox = (struct mailbox_id){ account(a), b };
		op->u.token.counter = x;
		op->u.token.expired = y;
	} else if (strcmp(word, "revoke") == 0 &&
		   sscanf(rest, "%u %u", &a, &b) == 2) {
		op->type = STORE_REVOKE;
		op->u.revoke.account = account(a);
		memset(j->revoked, 0, sizeof(j->revoked));
		put_u32(j->revoked[0], b);
		op->u.revoke.ids =
			(const uint8_t (*)[CAPABILITY_ID_LEN])j->revoked;
		op->u.revoke.n = 1;
	} else {
		return false;
	}
	return true;
}

static void tell_taken(const struct buf *fetched)
{
	Sotto__Fetched *f = sotto__fetched__unpack(NULL, fetched->len,
						   fetched->data);

	putchar('=');
	for (size_t i = 0; f && i < f->n_bundles; i++)
		if (f->bundles[i]->one_time)
			printf("%u=%u,", f->bundles[i]->bundle->device,
			       f->bundles[i]->one_time->id);
	if (!f)
		printf("bad");
	else
		sotto__fetched__free_unpacked(f, NULL);
}

static void tell(const struct job *j)
{
	const struct store_op *op = &j->op;

	printf(" %d", op->result);
	if (op->result)
		return;
	if (op->type == STORE_ENVELOPE) {
		putchar('=');
		for (size_t i = 0; i < op->u.envelope.n_slots; i++)
			printf("%d", op->u.envelope.slots[i].status);
	} else if (op->type == STORE_TAKE) {
		tell_taken(&j->fetched);
	}
}

static void commit(void *store, uint32_t now)
{
	struct store_op *ops[OPS];
	int err;

	for (size_t i = 0; i < n_jobs; i++)
		ops[i] = &jobs[i].op;
	err = engine->commit(store, ops, n_jobs, now);
	printf("done %d", err);
	for (size_t i = 0; i < n_jobs; i++) {
		tell(&jobs[i]);
		buf_finish(&jobs[i].fetched);
	}
	putchar('\n');
	n_jobs = 0;
}

struct place {
	unsigned account, device;
};

static bool tell_row(void *ctx, const struct store_row *row)
{
	unsigned long id = get_u64(row->id);
	uint8_t payload[PAYLOAD];
	struct place *p = ctx;
	char sealed[64];
	bool good;

	fill_payload(payload, row->payload.len, id);
	snprintf(sealed, sizeof(sealed), "%lu %u %u", id, p->account,
		 p->device);
	good = row->sealed.len == strlen(sealed) &&
	       memcmp(row->sealed.data, sealed, row->sealed.len) == 0 &&
	       memcmp(row->payload.data, payload, row->payload.len) == 0;
	printf("row %u %u %lu %lu %zu\n", p->account, p->device,
	       (unsigned long)row->sequence, id, row->payload.len);
	if (!good)
		printf("bad content of %lu\n", id);
	return true;
}

static void dump_device(void *store, unsigned a, unsigned d)
{
	struct mailbox_id m = { account(a), d };
	struct store_device dev = { .account_known = false };
	struct place p = { a, d };
	bool end;
	int err;

	buf_init(&dev.list, DEVICE_LIST_BYTES_MAX);
	err = engine->read_device(store, &m, &dev);
	buf_finish(&dev.list);
	if (err)
		printf("bad device: %s\n", err_text(err));
	if (err || !dev.device_known)
		return;
	printf("dev %u %u %lu %lu %u %lu %lu\n", a, d,
	       (unsigned long)dev.cursor, (unsigned long)dev.last_sequence,
	       dev.prekeys, (unsigned long)dev.expired,
	       (unsigned long)dev.token_counter);
	err = engine->read_mailbox(store, &m, dev.cursor, tell_row, &p, &end);
	if (err)
		printf("bad mailbox: %s\n", err_text(err));
}

static void tell_revoked(void *ctx, const struct account_id *account,
			 const uint8_t id[CAPABILITY_ID_LEN])
{
	(void)ctx;
	(void)account;
	printf("revoked %u\n", get_u32(id));
}

static void dump(void *store)
{
	for (unsigned a = 1; a <= accounts; a++)
		for (unsigned d = 1; d <= DEVICES; d++)
			dump_device(store, a, d);
	if (engine->read_revoked(store, tell_revoked, NULL))
		printf("bad revocations\n");
	check_store(store);
	printf("end\n");
}

static void sweep(void *store, uint32_t now)
{
	bool more = true;
	int err = 0;

	while (!err && more)
		err = engine->sweep(store, now, &more);
	printf("swept %d\n", err);
}

static bool run(void *store, const char *line)
{
	char word[16];
	int used;
	unsigned n;
	struct job *j = &jobs[n_jobs];

	if (sscanf(line, "%15s%n", word, &used) != 1)
		return false;
	if (strcmp(word, "dump") == 0)
		dump(store);
	else if (sscanf(line, "commit %u", &n) == 1)
		commit(store, n);
	else if (sscanf(line, "sweep %u", &n) == 1)
		sweep(store, n);
	else if (sscanf(line, "accounts %u", &n) == 1)
		accounts = n;
	else {
		if (n_jobs == OPS)
			return false;
		memset(j, 0, sizeof(*j));
		if (strcmp(word, "put") == 0 ? !parse_put(j, line + used) :
		    strcmp(word, "prekeys") == 0 ?
				!parse_prekeys(j, line + used) :
		    strcmp(word, "reg") == 0 || strcmp(word, "list") == 0 ?
				!parse_list(j, word, line + used) :
				!parse_other(j, word, line + used))
			return false;
		n_jobs++;
		return true;
	}
	fflush(stdout);
	return true;
}

int main(int argc, char **argv)
{
	struct store_settings settings = {
		.retention = 3 * 3600, .mailbox_rows = 40,
		.mailbox_bytes = 256 << 10, .intro_share = 20,
	};
	struct store_identity identity;
	char line[LINE];
	void *store;
	int err;

	if (argc != 3)
		return 1;
	settings.dir = argv[1];
	err = engine->open(&settings, (uint32_t)strtoul(argv[2], NULL, 10),
			   &store, &identity);
	if (err) {
		printf("cannot open: %s\n", err_text(err));
		return 2;
	}
	printf("boot %u\n", identity.boot);
	fflush(stdout);
	while (fgets(line, sizeof(line), stdin))
		if (!run(store, line)) {
			fprintf(stderr, "not a command: %s", line);
			return 1;
		}
	engine->close(store);
	return 0;
}
