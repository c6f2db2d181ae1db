#include "check.h"

#include <stdarg.h>
#include <string.h>

#include "store_rocks.h"

enum { SHARED_MAX = 65536 };

/* A shared payload, and how many rows were seen to use it. */
struct shared {
	uint8_t key[ROCKS_PAYLOAD_LEN];
	uint64_t rows;
};

struct check {
	struct rocks *rocks;
	unsigned bad;
	uint64_t rows, prekeys;	/* as the counters of devices have it */
	struct shared *shared;
	size_t n_shared;
};

__attribute__((format(printf, 2, 3)))
static void bad(struct check *c, const char *fmt, ...)
{
	va_list ap;

	c->bad++;
	printf("bad ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
}

/* Calls each() for every key of a family that begins with prefix. */
static uint64_t walk(struct check *c, enum rocks_family f, const uint8_t *prefix,
		     size_t prefix_len,
		     void (*each)(struct check *c, struct bytes key,
				  struct bytes value, void *ctx), void *ctx)
{
	rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
	rocksdb_iterator_t *it;
	uint64_t n = 0;
	char *text = NULL;

	rocksdb_readoptions_set_total_order_seek(ro, 1);
	it = rocksdb_create_iterator_cf(c->rocks->db, ro, c->rocks->family[f]);
	for (rocksdb_iter_seek(it, (const char *)prefix, prefix_len);
	     rocksdb_iter_valid(it); rocksdb_iter_next(it), n++) {
		struct bytes key, value;

		key.data = (const uint8_t *)rocksdb_iter_key(it, &key.len);
		value.data = (const uint8_t *)rocksdb_iter_value(it,
								 &value.len);
		if (key.len < prefix_len ||
		    memcmp(key.data, prefix, prefix_len) != 0)
			break;
		if (each)
			each(c, key, value, ctx);
	}
	rocksdb_iter_get_error(it, &text);
	if (text)
		bad(c, "family %d cannot be read: %s", f, text);
	rocksdb_free(text);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(ro);
	return n;
}

static bool has(struct check *c, enum rocks_family f, const void *key,
		size_t len)
{
	uint8_t *value;
	size_t n;

	if (rocks_get(c->rocks, f, key, len, &value, &n))
		return false;
	free(value);
	return true;
}

static struct shared *shared(struct check *c, const uint8_t *key)
{
	for (size_t i = 0; i < c->n_shared; i++)
		if (memcmp(c->shared[i].key, key, ROCKS_PAYLOAD_LEN) == 0)
			return &c->shared[i];
	if (c->n_shared == SHARED_MAX)
		abort();
	memcpy(c->shared[c->n_shared].key, key, ROCKS_PAYLOAD_LEN);
	return &c->shared[c->n_shared++];
}

/* What the rows of one mailbox add up to. */
struct sum {
	struct rocks_state state;
	uint64_t cursor;
};

static void add_row(struct check *c, struct bytes key, struct bytes value,
		    void *ctx)
{
	uint8_t expiry[ROCKS_EXPIRY_LEN];
	struct sum *sum = ctx;
	struct rocks_row row;
	uint32_t size;

	if (key.len != ROCKS_ROW_LEN ||
	    rocks_row_decode(value.data, value.len, &row)) {
		bad(c, "row does not parse");
		return;
	}
	size = rocks_row_size(&row);
	sum->state.rows++;
	sum->state.bytes += size;
	if (row.class == CAP_INTRO) {
		sum->state.intro_rows++;
		sum->state.intro_bytes += size;
	}
	if (get_u64(key.data + ROCKS_MAILBOX_LEN) <= sum->cursor)
		bad(c, "row below its mailbox's cursor");
	if (row.shared)
		shared(c, row.payload_key)->rows++;
	put_u32(expiry, row.hour);
	memcpy(expiry + 4, key.data, ROCKS_MAILBOX_LEN);
	if (!has(c, ROCKS_EXPIRY, expiry, sizeof(expiry)))
		bad(c, "row that nothing will expire");
}

static void check_prekeys(struct check *c, const uint8_t *mailbox,
			  const struct rocks_state *s)
{
	struct mailbox_id m = rocks_mailbox_read(mailbox);
	uint8_t key[ROCKS_ROW_LEN];

	for (uint64_t i = s->prekey_head; i < s->prekey_tail; i++) {
		rocks_row_key(&m, i, key);
		if (!has(c, ROCKS_PREKEYS, key, sizeof(key)))
			bad(c, "prekey is missing");
	}
	c->prekeys += s->prekey_tail - s->prekey_head;
}

static void check_device(struct check *c, struct bytes key, struct bytes value,
			 void *ctx)
{
	struct sum sum = { .cursor = 0 };
	struct rocks_state s;

	(void)ctx;
	if (key.len != ROCKS_DEVICE_LEN || key.data[ROCKS_MAILBOX_LEN] != 's')
		return;
	if (rocks_state_decode(value.data, value.len, &s)) {
		bad(c, "state does not parse");
		return;
	}
	sum.cursor = s.cursor;
	walk(c, ROCKS_ROWS, key.data, ROCKS_MAILBOX_LEN, add_row, &sum);
	if (sum.state.rows != s.rows || sum.state.bytes != s.bytes ||
	    sum.state.intro_rows != s.intro_rows ||
	    sum.state.intro_bytes != s.intro_bytes)
		bad(c, "counts: %u rows of %llu bytes, counted %u of %llu",
		    sum.state.rows, (unsigned long long)sum.state.bytes,
		    s.rows, (unsigned long long)s.bytes);
	c->rows += s.rows;
	check_prekeys(c, key.data, &s);
}

static void check_payload(struct check *c, struct bytes key,
			  struct bytes value, void *ctx)
{
	uint8_t other[ROCKS_PAYLOAD_LEN + 1];
	char kind = (char)key.data[ROCKS_PAYLOAD_LEN];
	uint64_t rows;

	(void)ctx;
	rocks_payload_key(key.data, kind == 'd' ? 'n' : 'd', other);
	if (!has(c, ROCKS_PAYLOADS, other, sizeof(other)))
		bad(c, "payload without its '%c'", other[ROCKS_PAYLOAD_LEN]);
	rows = shared(c, key.data)->rows;
	if (rows == 0)
		bad(c, "payload that no row uses");
	if (kind == 'n' && get_u64(value.data) != rows)
		bad(c, "payload counts %llu rows and has %llu",
		    (unsigned long long)get_u64(value.data),
		    (unsigned long long)rows);
}

unsigned check_store(void *store)
{
	struct check c = { .rocks = store };

	if (!c.rocks->db)
		return 0;	/* the ops said so */
	c.shared = xcalloc(SHARED_MAX, sizeof(*c.shared));
	walk(&c, ROCKS_DEVICES, NULL, 0, check_device, NULL);
	if (walk(&c, ROCKS_ROWS, NULL, 0, NULL, NULL) != c.rows)
		bad(&c, "rows of a device that is not there");
	if (walk(&c, ROCKS_PREKEYS, NULL, 0, NULL, NULL) != c.prekeys)
		bad(&c, "prekeys of a device that is not there");
	walk(&c, ROCKS_PAYLOADS, NULL, 0, check_payload, NULL);
	for (size_t i = 0; i < c.n_shared; i++) {
		uint8_t key[ROCKS_PAYLOAD_LEN + 1];

		rocks_payload_key(c.shared[i].key, 'd', key);
		if (!has(&c, ROCKS_PAYLOADS, key, sizeof(key)))
			bad(&c, "row without its payload");
	}
	free(c.shared);
	return c.bad;
}
