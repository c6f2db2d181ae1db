#include "store_rocks.h"

/* The reader's side: no batch, no cache of states. */

/* *value is to be destroyed; NULL when nothing is there. */
static int get_pinned(struct rocks *r, const rocksdb_readoptions_t *ro,
		      enum rocks_family f, const void *key, size_t key_len,
		      rocksdb_pinnableslice_t **value)
{
	char *text = NULL;

	*value = rocksdb_get_pinned_cf(r->db, ro, r->family[f], key, key_len,
				       &text);
	return text ? rocks_failed(r, "cannot read", text) : 0;
}

static struct bytes pinned(const rocksdb_pinnableslice_t *p)
{
	struct bytes b = { NULL, 0 };

	b.data = (const uint8_t *)rocksdb_pinnableslice_value(p, &b.len);
	return b;
}

static int read_list(struct rocks *r, const rocksdb_readoptions_t *ro,
		     const struct mailbox_id *m, struct store_device *out)
{
	rocksdb_pinnableslice_t *p;
	struct bytes b;
	int err = get_pinned(r, ro, ROCKS_ACCOUNTS, m->account.b, ACCOUNT_LEN,
			     &p);

	out->account_known = !err && p;
	if (err || !p)
		return err;
	b = pinned(p);
	buf_clear(&out->list);
	err = buf_append(&out->list, b.data, b.len);
	rocksdb_pinnableslice_destroy(p);
	return err;
}

static int read_state(struct rocks *r, const rocksdb_readoptions_t *ro,
		      const struct mailbox_id *m, struct store_device *out)
{
	uint8_t key[ROCKS_DEVICE_LEN];
	rocksdb_pinnableslice_t *p;
	struct rocks_state s;
	struct bytes b;
	int err;

	rocks_device_key(m, 's', key);
	err = get_pinned(r, ro, ROCKS_DEVICES, key, sizeof(key), &p);
	out->device_known = !err && p;
	if (err || !p)
		return err;
	b = pinned(p);
	err = rocks_state_decode(b.data, b.len, &s);
	rocksdb_pinnableslice_destroy(p);
	if (err)
		return err;
	out->cursor = s.cursor;
	out->last_sequence = s.last_sequence > s.cursor ? s.last_sequence
							: s.cursor;
	out->token_counter = s.token_counter;
	out->prekeys = (uint32_t)(s.prekey_tail - s.prekey_head);
	out->expired = s.expired;
	return 0;
}

int rocks_read_device(void *store, const struct mailbox_id *m,
		      struct store_device *out)
{
	struct rocks *r = store;
	const rocksdb_snapshot_t *snap;
	rocksdb_readoptions_t *ro;
	int err = rocks_enter(r, false);

	if (err)
		return err;
	snap = rocksdb_create_snapshot(r->db);
	ro = rocksdb_readoptions_create();
	rocksdb_readoptions_set_snapshot(ro, snap);
	err = read_list(r, ro, m, out);
	if (!err)
		err = read_state(r, ro, m, out);
	rocksdb_readoptions_destroy(ro);
	rocksdb_release_snapshot(r->db, snap);
	rocks_leave(r);
	return err;
}

/* Hands one row out, with its shared payload. *go_on is row()'s answer. */
static int give_row(struct rocks *r, const rocksdb_readoptions_t *ro,
		    struct bytes key, struct bytes value,
		    bool (*row)(void *ctx, const struct store_row *r),
		    void *ctx, bool *go_on)
{
	uint8_t payload[ROCKS_PAYLOAD_LEN + 1];
	rocksdb_pinnableslice_t *p = NULL;
	struct rocks_row rr;
	int err;

	if (key.len != ROCKS_ROW_LEN)
		return ERR_CORRUPT;
	err = rocks_row_decode(value.data, value.len, &rr);
	if (err)
		return err;
	rr.row.sequence = get_u64(key.data + ROCKS_MAILBOX_LEN);
	if (rr.shared) {
		rocks_payload_key(rr.payload_key, 'd', payload);
		err = get_pinned(r, ro, ROCKS_PAYLOADS, payload,
				 sizeof(payload), &p);
		if (err || !p)
			return err ? err : ERR_CORRUPT;
		rr.row.payload = pinned(p);
	}
	*go_on = row(ctx, &rr.row);
	if (p)
		rocksdb_pinnableslice_destroy(p);
	return 0;
}

static int each_row(struct rocks *r, rocksdb_readoptions_t *ro,
		    rocksdb_iterator_t *it, const uint8_t *first,
		    bool (*row)(void *ctx, const struct store_row *r),
		    void *ctx, bool *end)
{
	char *text = NULL;
	bool go_on = true;

	for (rocksdb_iter_seek(it, (const char *)first, ROCKS_ROW_LEN);
	     go_on && rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		struct bytes key, value;
		int err;

		key.data = (const uint8_t *)rocksdb_iter_key(it, &key.len);
		value.data = (const uint8_t *)rocksdb_iter_value(it,
								 &value.len);
		err = give_row(r, ro, key, value, row, ctx, &go_on);
		if (err)
			return err;
	}
	rocksdb_iter_get_error(it, &text);
	if (text)
		return rocks_failed(r, "cannot read rows", text);
	*end = go_on;
	return 0;
}

int rocks_read_mailbox(void *store, const struct mailbox_id *m, uint64_t after,
		       bool (*row)(void *ctx, const struct store_row *r),
		       void *ctx, bool *end)
{
	uint8_t first[ROCKS_ROW_LEN], last[ROCKS_ROW_LEN + 1] = { 0 };
	struct rocks *r = store;
	const rocksdb_snapshot_t *snap;
	rocksdb_readoptions_t *ro;
	rocksdb_iterator_t *it;
	int err;

	if (after == UINT64_MAX) {
		*end = true;
		return 0;
	}
	err = rocks_enter(r, false);
	if (err)
		return err;
	rocks_row_key(m, after + 1, first);
	rocks_row_key(m, UINT64_MAX, last);
	/* A snapshot, so that no payload goes between its row and itself. */
	snap = rocksdb_create_snapshot(r->db);
	ro = rocksdb_readoptions_create();
	rocksdb_readoptions_set_snapshot(ro, snap);
	rocksdb_readoptions_set_iterate_upper_bound(ro, (char *)last,
						    sizeof(last));
	it = rocksdb_create_iterator_cf(r->db, ro, r->family[ROCKS_ROWS]);
	err = each_row(r, ro, it, first, row, ctx, end);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(ro);
	rocksdb_release_snapshot(r->db, snap);
	rocks_leave(r);
	return err;
}

int rocks_read_revoked(void *store,
		       void (*each)(void *ctx, const struct account_id *account,
				    const uint8_t id[CAPABILITY_ID_LEN]),
		       void *ctx)
{
	struct rocks *r = store;
	rocksdb_iterator_t *it;
	char *text = NULL;
	int err = rocks_enter(r, false);

	if (err)
		return err;
	it = rocksdb_create_iterator_cf(r->db, r->get,
					r->family[ROCKS_REVOKED]);
	for (rocksdb_iter_seek_to_first(it); rocksdb_iter_valid(it);
	     rocksdb_iter_next(it)) {
		struct account_id account;
		size_t key_len, len;
		const char *key = rocksdb_iter_key(it, &key_len);
		const char *value = rocksdb_iter_value(it, &len);

		if (key_len != ROCKS_REVOKED_LEN || len != ACCOUNT_LEN)
			continue;
		memcpy(account.b, value, ACCOUNT_LEN);
		each(ctx, &account, (const uint8_t *)key + 4);
	}
	rocksdb_iter_get_error(it, &text);
	if (text)
		err = rocks_failed(r, "cannot read revocations", text);
	rocksdb_iter_destroy(it);
	rocks_leave(r);
	return err;
}
