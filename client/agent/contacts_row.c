#include "contacts_internal.h"

enum {
	/* root, list key, epoch, version, previous, hash, count */
	LIST_HEAD = 2 * SIGN_PUBLIC_LEN + 8 + 8 + 2 * HASH_LEN + 1,
	LIST_DEVICE = 4 + IDENTITY_KEY_LEN + SIGN_PUBLIC_LEN,
	LIST_BYTES = LIST_HEAD + DEVICES_MAX * LIST_DEVICE,
};

/* A verified list as the struct has it: reading it back checks no signature. */
static void list_encode(const struct device_list *l, struct buf *out)
{
	uint8_t number[8], *to = buf_reserve(out, LIST_BYTES);

#define PUT(data, n) (memcpy(to, data, n), to += (n))
	PUT(l->root, SIGN_PUBLIC_LEN);
	PUT(l->list_key, SIGN_PUBLIC_LEN);
	put_u64(number, l->epoch);
	PUT(number, 8);
	put_u64(number, l->version);
	PUT(number, 8);
	PUT(l->previous, HASH_LEN);
	PUT(l->hash, HASH_LEN);
	*to++ = (uint8_t)l->n;
	for (unsigned i = 0; i < l->n; i++) {
		put_u32(number, l->devices[i].id);
		PUT(number, 4);
		PUT(l->devices[i].identity_key, IDENTITY_KEY_LEN);
		PUT(l->devices[i].auth_key, SIGN_PUBLIC_LEN);
	}
#undef PUT
	out->len = (size_t)(to - out->data);
}

static int list_decode(struct bytes b, const struct account_id *account,
		       struct device_list *l)
{
	const uint8_t *at = b.data;

	if (b.len < LIST_HEAD || at[LIST_HEAD - 1] > DEVICES_MAX ||
	    b.len != LIST_HEAD + (size_t)at[LIST_HEAD - 1] * LIST_DEVICE)
		return ERR_CORRUPT;
	memset(l, 0, sizeof(*l));
	l->account = *account;
#define GET(to, n) (memcpy(to, at, n), at += (n))
	GET(l->root, SIGN_PUBLIC_LEN);
	GET(l->list_key, SIGN_PUBLIC_LEN);
	l->epoch = get_u64(at);
	l->version = get_u64(at + 8);
	at += 16;
	GET(l->previous, HASH_LEN);
	GET(l->hash, HASH_LEN);
	l->n = *at++;
	for (unsigned i = 0; i < l->n; i++) {
		l->devices[i].id = get_u32(at);
		at += 4;
		GET(l->devices[i].identity_key, IDENTITY_KEY_LEN);
		GET(l->devices[i].auth_key, SIGN_PUBLIC_LEN);
	}
#undef GET
	return OK;
}

static bool copy_text(char *to, size_t size, const char *from)
{
	if (!from || strlen(from) >= size)
		return false;
	memcpy(to, from, strlen(from) + 1);
	return true;
}

static bool copy_bytes(uint8_t *to, size_t len, struct bytes from)
{
	if (from.len != len)
		return false;
	memcpy(to, from.data, len);
	return true;
}

/* A blob that may be empty. */
static bool copy_optional(uint8_t *to, size_t len, struct bytes from, bool *has)
{
	*has = from.len != 0;
	return !*has || copy_bytes(to, len, from);
}

int contact_read(struct sqlite3_stmt *st, struct contact *c)
{
	struct bytes list = db_blob(st, 11);

	memset(c, 0, sizeof(*c));
	c->row = db_int(st, 0);
	c->state = (enum contact_state)db_int(st, 4);
	c->alert = (enum contact_alert)db_int(st, 5);
	c->verified = db_int(st, 6) != 0;
	c->answered = db_int(st, 10) != 0;
	c->has_list = list.len != 0;
	c->suite_seen = (uint32_t)db_int(st, 12);
	c->sent_counter = (uint64_t)db_int(st, 14);
	c->seen_counter = (uint64_t)db_int(st, 15);
	c->read_upto = (uint64_t)db_int(st, 16);
	if (!copy_bytes(c->account.b, ACCOUNT_LEN, db_blob(st, 1)) ||
	    !copy_text(c->name, sizeof(c->name), db_text(st, 2)) ||
	    !copy_text(c->profile_name, sizeof(c->profile_name),
		       db_text(st, 3)) ||
	    !copy_text(c->relay, sizeof(c->relay), db_text(st, 7)) ||
	    !copy_optional(c->capability, CAPABILITY_LEN, db_blob(st, 8),
			   &c->has_capability) ||
	    !copy_optional(c->given, CAPABILITY_LEN, db_blob(st, 9),
			   &c->has_given) ||
	    !copy_bytes(c->last_hash, HASH_LEN, db_blob(st, 13)))
		return ERR_CORRUPT;
	return c->has_list ? list_decode(db_blob(st, 11), &c->account,
					 &c->list) : OK;
}

void contact_bind(struct sqlite3_stmt *st, const struct contact *c,
		  const char *key)
{
	struct buf list;

	buf_init(&list, LIST_BYTES);
	if (c->has_list)
		list_encode(&c->list, &list);
	db_bind_text(st, 1, c->name);
	db_bind_text(st, 2, key);
	db_bind_text(st, 3, c->profile_name);
	db_bind_int(st, 4, c->state);
	db_bind_int(st, 5, c->alert);
	db_bind_int(st, 6, c->verified);
	db_bind_text(st, 7, c->relay);
	db_bind_blob(st, 8, c->capability,
		     c->has_capability ? CAPABILITY_LEN : 0);
	db_bind_blob(st, 9, c->given, c->has_given ? CAPABILITY_LEN : 0);
	db_bind_int(st, 10, c->answered);
	db_bind_blob(st, 11, list.data, list.len);
	db_bind_int(st, 12, c->suite_seen);
	db_bind_blob(st, 13, c->last_hash, HASH_LEN);
	db_bind_int(st, 14, (int64_t)c->sent_counter);
	db_bind_int(st, 15, (int64_t)c->seen_counter);
	db_bind_int(st, 16, (int64_t)c->read_upto);
	buf_finish(&list);
}
