#include "store_rocks.h"

#include <string.h>

static bool lists(const uint32_t *ids, size_t n, uint32_t device)
{
	for (size_t i = 0; i < n; i++)
		if (ids[i] == device)
			return true;
	return false;
}

static void put_list(struct rocks *r, const struct store_op *op)
{
	rocks_put(r, ROCKS_ACCOUNTS, op->u.account.account.b, ACCOUNT_LEN,
		  op->u.account.list.data, op->u.account.list.len);
}

static void put_bundle(struct rocks *r, const struct mailbox_id *m,
		       struct bytes bundle)
{
	uint8_t key[ROCKS_DEVICE_LEN];

	rocks_device_key(m, 'b', key);
	rocks_put(r, ROCKS_DEVICES, key, sizeof(key), bundle.data, bundle.len);
}

static int add_devices(struct rocks *r, const struct account_id *account,
		       const uint32_t *ids, size_t n)
{
	struct mailbox_id m = { .account = *account };

	for (size_t i = 0; i < n; i++) {
		struct rocks_state *s;
		int err;

		m.device = ids[i];
		err = rocks_state_get(r, &m, &s);
		if (err && err != ERR_NOT_FOUND)
			return err;
		if (err)
			rocks_state_add(r, &m);
	}
	return 0;
}

int rocks_register(struct rocks *r, struct store_op *op)
{
	struct mailbox_id m = { op->u.account.account, op->u.account.device };
	struct bytes list = op->u.account.list;
	uint32_t ids[DEVICES_MAX];
	uint8_t *value;
	size_t n, len;
	bool same;
	int err = rocks_list_devices(list, ids, &n);

	if (err)
		return err;
	if (!lists(ids, n, m.device))
		return ERR_NOT_FOUND;
	err = rocks_get(r, ROCKS_ACCOUNTS, m.account.b, ACCOUNT_LEN, &value,
			&len);
	if (!err) {
		same = len == list.len && memcmp(value, list.data, len) == 0;
		free(value);
		return same ? 0 : ERR_EXISTS;
	}
	if (err != ERR_NOT_FOUND)
		return err;
	err = add_devices(r, &m.account, ids, n);
	if (err)
		return err;
	put_list(r, op);
	put_bundle(r, &m, op->u.account.bundle);
	return 0;
}

/* Everything of a device: mail, prekeys, bundle, counters. */
static int remove_device(struct rocks *r, const struct mailbox_id *m)
{
	uint8_t key[ROCKS_ROW_LEN], bundle[ROCKS_DEVICE_LEN];
	struct rocks_victim *v = NULL;
	struct rocks_state *s;
	size_t n = 0;
	int err = rocks_state_get(r, m, &s);

	if (err)
		return err == ERR_NOT_FOUND ? 0 : err;
	err = rocks_victims(r, m, s->cursor + 1, UINT64_MAX, UINT32_MAX,
			    SIZE_MAX, &v, &n);
	if (!err)
		err = rocks_drop(r, m, s, v, n);
	free(v);
	if (err)
		return err;
	for (uint64_t i = s->prekey_head; i < s->prekey_tail; i++) {
		rocks_row_key(m, i, key);
		rocks_delete(r, ROCKS_PREKEYS, key, sizeof(key));
	}
	rocks_device_key(m, 'b', bundle);
	rocks_delete(r, ROCKS_DEVICES, bundle, sizeof(bundle));
	rocks_state_remove(r, m);
	return 0;
}

int rocks_list(struct rocks *r, struct store_op *op)
{
	const struct account_id *account = &op->u.account.account;
	struct mailbox_id m = { .account = *account };
	uint32_t old[DEVICES_MAX], ids[DEVICES_MAX];
	size_t n_old, n, len;
	uint8_t *value;
	int err = rocks_list_devices(op->u.account.list, ids, &n);

	if (err)
		return err;
	err = rocks_get(r, ROCKS_ACCOUNTS, account->b, ACCOUNT_LEN, &value,
			&len);
	if (err)
		return err;
	err = rocks_list_devices((struct bytes){ value, len }, old, &n_old);
	free(value);
	if (err)
		return ERR_CORRUPT;
	for (size_t i = 0; i < n_old; i++) {
		m.device = old[i];
		if (lists(ids, n, m.device))
			continue;
		err = remove_device(r, &m);
		if (err)
			return err;
	}
	err = add_devices(r, account, ids, n);
	if (err)
		return err;
	put_list(r, op);
	return 0;
}

int rocks_bundle(struct rocks *r, struct store_op *op)
{
	struct mailbox_id m = { op->u.account.account, op->u.account.device };
	struct rocks_state *s;
	int err = rocks_state_get(r, &m, &s);

	if (err)
		return err;
	put_bundle(r, &m, op->u.account.bundle);
	return 0;
}

int rocks_token(struct rocks *r, struct store_op *op)
{
	const struct mailbox_id *m = &op->u.token.mailbox;
	struct rocks_state *s;
	int err = rocks_state_get(r, m, &s);

	if (err)
		return err;
	if (op->u.token.counter > s->token_counter)
		s->token_counter = op->u.token.counter;
	s->expired -= op->u.token.expired < s->expired ? op->u.token.expired
						       : s->expired;
	rocks_state_changed(r, m);
	return 0;
}

int rocks_revoke(struct rocks *r, struct store_op *op)
{
	uint8_t key[ROCKS_REVOKED_LEN];

	put_u32(key, r->now / ROCKS_DAY);
	for (size_t i = 0; i < op->u.revoke.n; i++) {
		memcpy(key + 4, op->u.revoke.ids[i], CAPABILITY_ID_LEN);
		rocks_put(r, ROCKS_REVOKED, key, sizeof(key),
			  op->u.revoke.account.b, ACCOUNT_LEN);
	}
	return 0;
}
