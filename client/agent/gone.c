#include "gone.h"

#include <sodium.h>

enum {
	NAME_MAX_LEN = 64,
	ID_LEN = 20,
	VALUE_LEN = 8 + 8 + HASH_LEN,	/* sent, seen, hash of the last sent */
};

static void value_name(const struct account_id *account,
		       char out[static NAME_MAX_LEN])
{
	static const char purpose[] = "sotto/1 gone";
	uint8_t id[ID_LEN];
	char hex[2 * ID_LEN + 1];

	crypto_generichash(id, sizeof(id), account->b, ACCOUNT_LEN,
			   (const uint8_t *)purpose, sizeof(purpose) - 1);
	sodium_bin2hex(hex, sizeof(hex), id, sizeof(id));
	snprintf(out, NAME_MAX_LEN, "gone-%s", hex);
}

static int load(struct db *db, const struct account_id *account,
		uint8_t out[static VALUE_LEN])
{
	char name[NAME_MAX_LEN];
	struct buf b;
	int ret;

	value_name(account, name);
	buf_init(&b, VALUE_LEN);
	ret = db_get(db, name, &b);
	if (!ret && b.len != VALUE_LEN)
		ret = ERR_CORRUPT;
	if (!ret)
		memcpy(out, b.data, VALUE_LEN);
	buf_finish(&b);
	return ret;
}

int gone_keep(struct db *db, const struct contact *c)
{
	uint8_t value[VALUE_LEN];
	char name[NAME_MAX_LEN];

	if (!c->sent_counter && !c->seen_counter)
		return OK;
	value_name(&c->account, name);
	put_u64(value, c->sent_counter);
	put_u64(value + 8, c->seen_counter);
	memcpy(value + 16, c->last_hash, HASH_LEN);
	return db_put(db, name, value, sizeof(value));
}

int gone_recall(struct db *db, struct contact *c)
{
	uint8_t value[VALUE_LEN];
	int ret = load(db, &c->account, value);

	if (ret)
		return ret == ERR_NOT_FOUND ? OK : ret;
	if (!c->sent_counter) {
		c->sent_counter = get_u64(value);
		memcpy(c->last_hash, value + 16, HASH_LEN);
	}
	if (!c->seen_counter)
		c->seen_counter = get_u64(value + 8);
	return OK;
}

int gone_hash(struct db *db, const struct account_id *account, uint64_t counter,
	      uint8_t out[static HASH_LEN])
{
	uint8_t value[VALUE_LEN];
	int ret = load(db, account, value);

	if (!ret && get_u64(value) != counter)
		ret = ERR_NOT_FOUND;
	if (!ret)
		memcpy(out, value + 16, HASH_LEN);
	return ret;
}
