#include "store_rocks.h"

#include <string.h>

#include "log.h"

enum {
	PREKEY_ID_BITS = 24,
	VALUE_LEN = 4 + IDENTITY_KEY_LEN,	/* id, key */
	/* A Fetch that is remembered: account, then device, id, key each. */
	TAKEN_LEN = 4 + VALUE_LEN,
	MEMORY_MAX = ACCOUNT_LEN + DEVICES_MAX * TAKEN_LEN,
	CREDIT = 100,		/* of one prekey */
};

/* What one Fetch took. */
struct taken {
	uint8_t bytes[MEMORY_MAX];
	size_t len;
};

/* Serial numbers as of RFC 1982: ids begin anew after 2^24 - 1. */
static bool newer(uint32_t id, uint32_t last)
{
	uint32_t step = (id - last) & ((1u << PREKEY_ID_BITS) - 1);

	return last == 0 || (step != 0 && step < 1u << (PREKEY_ID_BITS - 1));
}

int rocks_prekeys(struct rocks *r, struct store_op *op)
{
	const struct mailbox_id *m = &op->u.prekeys.mailbox;
	uint8_t key[ROCKS_ROW_LEN], value[VALUE_LEN];
	uint64_t stored, share;
	struct rocks_state *s;
	uint32_t last, fresh = 0;
	int err = rocks_state_get(r, m, &s);

	if (err)
		return err;
	last = s->prekey_last;
	for (size_t i = 0; i < op->u.prekeys.n; i++) {
		if (!newer(op->u.prekeys.keys[i].id, last))
			continue;
		last = op->u.prekeys.keys[i].id;
		fresh++;
	}
	stored = s->prekey_tail - s->prekey_head;
	op->u.prekeys.stored = (uint32_t)stored;
	if (stored + fresh > PREKEYS_MAX)
		return ERR_FULL;
	for (size_t i = 0; i < op->u.prekeys.n; i++) {
		const struct store_prekey *k = &op->u.prekeys.keys[i];

		if (!newer(k->id, s->prekey_last))
			continue;
		s->prekey_last = k->id;
		put_u32(value, k->id);
		memcpy(value + 4, k->key, sizeof(k->key));
		rocks_row_key(m, s->prekey_tail++, key);
		rocks_put(r, ROCKS_PREKEYS, key, sizeof(key), value,
			  sizeof(value));
	}
	stored += fresh;
	share = r->settings.intro_share;
	s->intro_credit += (uint32_t)(fresh * share);
	if (s->intro_credit > stored * share)
		s->intro_credit = (uint32_t)(stored * share);
	rocks_state_changed(r, m);
	op->u.prekeys.stored = (uint32_t)stored;
	return 0;
}

/* Takes a prekey of m and notes it; none left is no error. */
static int take_one(struct rocks *r, const struct mailbox_id *m, bool intro,
		    struct taken *t)
{
	uint8_t key[ROCKS_ROW_LEN], *value;
	struct rocks_state *s;
	size_t len;
	int err = rocks_state_get(r, m, &s);

	if (err)
		return err == ERR_NOT_FOUND ? 0 : err;
	if (s->prekey_head == s->prekey_tail ||
	    (intro && s->intro_credit < CREDIT))
		return 0;
	rocks_row_key(m, s->prekey_head, key);
	err = rocks_get(r, ROCKS_PREKEYS, key, sizeof(key), &value, &len);
	if (err)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	if (len != VALUE_LEN) {
		free(value);
		return ERR_CORRUPT;
	}
	put_u32(t->bytes + t->len, m->device);
	memcpy(t->bytes + t->len + 4, value, VALUE_LEN);
	t->len += TAKEN_LEN;
	free(value);
	rocks_delete(r, ROCKS_PREKEYS, key, sizeof(key));
	s->prekey_head++;
	if (intro)
		s->intro_credit -= CREDIT;
	rocks_state_changed(r, m);
	return 0;
}

/* Recalls what this Fetch took before, or takes now and remembers. */
static int take(struct rocks *r, const struct store_op *op, const uint32_t *ids,
		size_t n, struct taken *t)
{
	struct mailbox_id m = { .account = op->u.take.account };
	struct bytes id = { op->u.take.id, sizeof(op->u.take.id) };
	uint8_t hash[ROCKS_HASH_LEN], *value;
	int err;

	rocks_id_hash(r, "fetch", &id, 1, hash);
	err = rocks_id_get(r, hash, &value, &t->len);
	if (!err) {
		if (t->len > MEMORY_MAX || t->len < ACCOUNT_LEN ||
		    (t->len - ACCOUNT_LEN) % TAKEN_LEN != 0)
			err = ERR_CORRUPT;
		else if (memcmp(value, m.account.b, ACCOUNT_LEN) != 0)
			err = ERR_CONFLICT;
		else
			memcpy(t->bytes, value, t->len);
		free(value);
		return err;
	}
	if (err != ERR_NOT_FOUND)
		return err;
	memcpy(t->bytes, m.account.b, ACCOUNT_LEN);
	t->len = ACCOUNT_LEN;
	for (size_t i = 0; i < n; i++) {
		m.device = ids[i];
		err = take_one(r, &m, op->u.take.intro, t);
		if (err)
			return err;
	}
	rocks_id_put(r, hash, t->bytes, t->len);
	return 0;
}

/* Protocol buffers' wire format, for what is kept encoded already. */
static int put_varint(struct buf *b, uint64_t v)
{
	uint8_t out[10];
	size_t n = 0;

	for (; v > 127; v >>= 7)
		out[n++] = (uint8_t)(v | 128);
	out[n++] = (uint8_t)v;
	return buf_append(b, out, n);
}

static int put_field(struct buf *b, unsigned field, struct bytes v)
{
	int err = put_varint(b, field << 3 | 2);

	if (!err)
		err = put_varint(b, v.len);
	if (!err && v.len)
		err = buf_append(b, v.data, v.len);
	return err;
}

static const uint8_t *find_taken(const struct taken *t, uint32_t device)
{
	for (size_t i = ACCOUNT_LEN; i + TAKEN_LEN <= t->len; i += TAKEN_LEN)
		if (get_u32(t->bytes + i) == device)
			return t->bytes + i + 4;
	return NULL;
}

/* A DeviceBundle; a device without a bundle has none. */
static int put_device(struct rocks *r, const struct mailbox_id *m,
		      const struct taken *t, struct buf *out)
{
	const uint8_t *prekey = find_taken(t, m->device);
	uint8_t key[ROCKS_DEVICE_LEN], *bundle;
	struct buf one, device;
	size_t len;
	int err;

	rocks_device_key(m, 'b', key);
	err = rocks_get(r, ROCKS_DEVICES, key, sizeof(key), &bundle, &len);
	if (err)
		return err == ERR_NOT_FOUND ? 0 : err;
	buf_init(&one, 64);
	buf_init(&device, len + 128);
	err = put_field(&device, 1, (struct bytes){ bundle, len });
	if (!err && prekey) {
		err = put_varint(&one, 1 << 3);
		if (!err)
			err = put_varint(&one, get_u32(prekey));
		if (!err)
			err = put_field(&one, 2, (struct bytes){
				prekey + 4, IDENTITY_KEY_LEN });
		if (!err)
			err = put_field(&device, 2, buf_bytes(&one));
	}
	if (!err)
		err = put_field(out, 3, buf_bytes(&device));
	buf_finish(&one);
	buf_finish(&device);
	free(bundle);
	return err;
}

static int put_fetched(struct rocks *r, const struct store_op *op,
		       struct bytes list, const uint32_t *ids, size_t n,
		       const struct taken *t)
{
	struct mailbox_id m = { .account = op->u.take.account };
	struct buf *out = op->u.take.fetched;
	int err = put_field(out, 1, (struct bytes){ op->u.take.id,
						    sizeof(op->u.take.id) });

	if (!err)
		err = put_field(out, 2, list);
	for (size_t i = 0; !err && t && i < n; i++) {
		m.device = ids[i];
		err = put_device(r, &m, t, out);
	}
	return err;
}

int rocks_take(struct rocks *r, struct store_op *op)
{
	uint32_t ids[DEVICES_MAX];
	struct taken t;
	uint8_t *value;
	struct bytes list;
	size_t n = 0, len;
	int err;

	buf_clear(op->u.take.fetched);
	err = rocks_get(r, ROCKS_ACCOUNTS, op->u.take.account.b, ACCOUNT_LEN,
			&value, &len);
	if (err)
		return err;
	list = (struct bytes){ value, len };
	if (rocks_list_devices(list, ids, &n))
		err = ERR_CORRUPT;
	if (!err && !op->u.take.list_only)
		err = take(r, op, ids, n, &t);
	if (!err)
		err = put_fetched(r, op, list, ids, n,
				  op->u.take.list_only ? NULL : &t);
	free(value);
	return err;
}
