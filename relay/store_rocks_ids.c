#include "store_rocks.h"

#include <sodium.h>
#include <string.h>

/* Keys begin with the day, so that a day's ids go as one range. Two look-ups
 * find what is 24 hours old at least. */

void rocks_id_hash(const struct rocks *r, const char *purpose,
		   const struct bytes *parts, size_t n,
		   uint8_t out[static ROCKS_HASH_LEN])
{
	crypto_generichash_state h;
	uint8_t len[4];

	crypto_generichash_init(&h, r->hash_key, sizeof(r->hash_key),
				ROCKS_HASH_LEN);
	crypto_generichash_update(&h, (const uint8_t *)purpose,
				  strlen(purpose) + 1);
	for (size_t i = 0; i < n; i++) {
		put_u32(len, (uint32_t)parts[i].len);
		crypto_generichash_update(&h, len, sizeof(len));
		crypto_generichash_update(&h, parts[i].data, parts[i].len);
	}
	crypto_generichash_final(&h, out, ROCKS_HASH_LEN);
}

static void id_key(uint32_t day, const uint8_t *hash,
		   uint8_t out[static ROCKS_ID_LEN])
{
	put_u32(out, day);
	memcpy(out + 4, hash, ROCKS_HASH_LEN);
}

int rocks_id_get(struct rocks *r, const uint8_t hash[static ROCKS_HASH_LEN],
		 uint8_t **value, size_t *len)
{
	uint32_t day = r->now / ROCKS_DAY;
	uint8_t key[ROCKS_ID_LEN];
	int err;

	id_key(day, hash, key);
	err = rocks_get(r, ROCKS_IDS, key, sizeof(key), value, len);
	if (err != ERR_NOT_FOUND || day == 0)
		return err;
	id_key(day - 1, hash, key);
	return rocks_get(r, ROCKS_IDS, key, sizeof(key), value, len);
}

void rocks_id_put(struct rocks *r, const uint8_t hash[static ROCKS_HASH_LEN],
		  const void *value, size_t len)
{
	uint8_t key[ROCKS_ID_LEN];

	id_key(r->now / ROCKS_DAY, hash, key);
	rocks_put(r, ROCKS_IDS, key, sizeof(key), value, len);
}

void rocks_id_delete(struct rocks *r, const uint8_t hash[static ROCKS_HASH_LEN])
{
	uint32_t day = r->now / ROCKS_DAY;
	uint8_t key[ROCKS_ID_LEN];

	id_key(day, hash, key);
	rocks_delete(r, ROCKS_IDS, key, sizeof(key));
	if (day == 0)
		return;
	id_key(day - 1, hash, key);
	rocks_delete(r, ROCKS_IDS, key, sizeof(key));
}
