#include "peers.h"

enum {
	NAME_MAX_LEN = 64,
	SEAL_VALUE_LEN = 8 + SEAL_KEY_LEN,	/* created at, key */
	REPAIR_MS = 3600 * 1000,
};

static void value_name(char out[static NAME_MAX_LEN], const char *what,
		       const struct account_id *account, uint32_t device)
{
	char text[ACCOUNT_TEXT_LEN + 1];

	account_text(account, text);
	snprintf(out, NAME_MAX_LEN, "%s-%s-%u", what, text, device);
}

static int load_seal(struct agent *a, const struct account_id *account,
		     uint32_t device, uint8_t out[static SEAL_VALUE_LEN])
{
	char name[NAME_MAX_LEN];
	struct buf b;
	int ret;

	value_name(name, "seal", account, device);
	buf_init(&b, SEAL_VALUE_LEN);
	ret = db_get(a->db, name, &b);
	if (!ret && b.len != SEAL_VALUE_LEN)
		ret = ERR_NOT_FOUND;	/* a forgotten contact's */
	if (!ret)
		memcpy(out, b.data, SEAL_VALUE_LEN);
	buf_finish(&b);
	return ret;
}

int peer_seal_key(struct agent *a, const struct account_id *account,
		  uint32_t device, uint8_t out[static SEAL_KEY_LEN])
{
	uint8_t value[SEAL_VALUE_LEN];
	int ret = load_seal(a, account, device, value);

	if (!ret)
		memcpy(out, value + 8, SEAL_KEY_LEN);
	return ret;
}

int peer_set_seal_key(struct agent *a, const struct device_list *list,
		      uint32_t device, const Sotto__SealKey *key)
{
	const struct device_entry *entry = device_list_find(list, device);
	uint8_t held[SEAL_VALUE_LEN], value[SEAL_VALUE_LEN];
	char name[NAME_MAX_LEN];
	int ret;

	if (!entry)
		return ERR_IDENTITY;
	ret = load_seal(a, &list->account, device, held);
	if (ret && ret != ERR_NOT_FOUND)
		return ret;
	if (!ret && key->created_at <= get_u64(held))
		return OK;
	ret = seal_key_verify(key, &list->account, entry);
	if (ret)
		return ret;
	put_u64(value, key->created_at);
	memcpy(value + 8, key->public_key.data, SEAL_KEY_LEN);
	value_name(name, "seal", &list->account, device);
	return db_put(a->db, name, value, sizeof(value));
}

bool peer_knows_seal_key(struct agent *a, const struct account_id *account,
			 uint32_t device, uint64_t created_at)
{
	char name[NAME_MAX_LEN];
	int64_t v = 0;

	value_name(name, "sealed", account, device);
	return !db_get_int(a->db, name, &v) && (uint64_t)v == created_at;
}

int peer_used_seal_key(struct agent *a, const struct account_id *account,
		       uint32_t device, uint64_t created_at)
{
	char name[NAME_MAX_LEN];

	if (peer_knows_seal_key(a, account, device, created_at))
		return OK;
	value_name(name, "sealed", account, device);
	return db_put_int(a->db, name, (int64_t)created_at);
}

bool peer_may_repair(struct agent *a, const struct account_id *account,
		     uint32_t device)
{
	char name[NAME_MAX_LEN];
	int64_t at = 0;
	uint64_t now = sys_wall_ms(a->sys);

	value_name(name, "repair", account, device);
	if (db_get_int(a->db, name, &at))
		return true;
	return now < (uint64_t)at || now - (uint64_t)at >= REPAIR_MS;
}

int peer_repaired(struct agent *a, const struct account_id *account,
		  uint32_t device)
{
	char name[NAME_MAX_LEN];

	value_name(name, "repair", account, device);
	return db_put_int(a->db, name, (int64_t)sys_wall_ms(a->sys));
}
