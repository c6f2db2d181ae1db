#include "caps.h"

/* Named values of the database. */
#define STOCK "caps-stock"		/* capabilities */
#define LINKS "caps-links"		/* capabilities, the newest last */
#define REVOKE "caps-revoke"		/* ids, not confirmed */
#define REVOKED "caps-revoked"		/* ids */

enum { VALUE_MAX = 256 * 1024 };

static int load(struct agent *a, const char *name, struct buf *out)
{
	int ret;

	buf_init(out, VALUE_MAX);
	ret = db_get(a->db, name, out);
	if (ret == ERR_NOT_FOUND)
		return OK;
	if (ret)
		buf_finish(out);
	return ret;
}

static int store(struct agent *a, const char *name, struct buf *b)
{
	int ret = db_put(a->db, name, b->data, b->len);

	buf_finish(b);
	return ret;
}

static int append(struct agent *a, const char *name, const uint8_t *data,
		  size_t len)
{
	struct buf b;
	int ret = load(a, name, &b);

	if (ret)
		return ret;
	ret = buf_append(&b, data, len);
	if (ret) {
		buf_finish(&b);
		return ret;
	}
	return store(a, name, &b);
}

bool caps_fresh(const struct agent *a, const uint8_t cap[static CAPABILITY_LEN])
{
	uint64_t hours = sys_wall_ms(a->sys) / (3600 * 1000);
	struct capability c;

	return !capability_read(cap, CAPABILITY_LEN, &c) &&
		c.expiry > hours + CAPS_RENEW_HOURS;
}

int caps_forget(struct agent *a)
{
	int ret = db_put(a->db, STOCK, "", 0);

	return ret ? ret : db_put(a->db, LINKS, "", 0);
}

bool caps_old(const struct agent *a, const uint8_t cap[static CAPABILITY_LEN])
{
	uint64_t hours = sys_wall_ms(a->sys) / (3600 * 1000);
	struct capability c;

	return !capability_read(cap, CAPABILITY_LEN, &c) &&
		c.expiry + CAPS_OLD_HOURS < hours + CAPABILITY_HOURS;
}

int caps_take(struct agent *a, uint8_t out[static CAPABILITY_LEN])
{
	struct buf b;
	int ret = load(a, STOCK, &b);

	if (ret)
		return ret;
	while (b.len >= CAPABILITY_LEN) {
		b.len -= CAPABILITY_LEN;
		if (!caps_fresh(a, b.data + b.len))
			continue;
		memcpy(out, b.data + b.len, CAPABILITY_LEN);
		return store(a, STOCK, &b);
	}
	buf_finish(&b);
	return ERR_NOT_FOUND;
}

int caps_add(struct agent *a, const uint8_t cap[static CAPABILITY_LEN])
{
	return append(a, STOCK, cap, CAPABILITY_LEN);
}

int caps_count(struct agent *a, int *count)
{
	struct buf b;
	int ret = load(a, STOCK, &b);

	if (ret)
		return ret;
	*count = (int)(b.len / CAPABILITY_LEN);
	buf_finish(&b);
	return OK;
}

int caps_link(struct agent *a, uint8_t out[static CAPABILITY_LEN])
{
	struct buf b;
	int ret = load(a, LINKS, &b);

	if (ret)
		return ret;
	ret = b.len < CAPABILITY_LEN ? ERR_NOT_FOUND : OK;
	if (!ret)
		memcpy(out, b.data + b.len - CAPABILITY_LEN, CAPABILITY_LEN);
	buf_finish(&b);
	return ret;
}

int caps_set_link(struct agent *a, const uint8_t cap[static CAPABILITY_LEN])
{
	struct buf b;
	int ret = load(a, LINKS, &b);

	if (ret)
		return ret;
	if (b.len >= CAPS_LINKS_MAX * CAPABILITY_LEN)
		buf_consume(&b, CAPABILITY_LEN);
	ret = buf_append(&b, cap, CAPABILITY_LEN);
	if (ret) {
		buf_finish(&b);
		return ret;
	}
	return store(a, LINKS, &b);
}

bool caps_is_link(struct agent *a, const uint8_t id[static CAPABILITY_ID_LEN])
{
	struct capability c;
	struct buf b;
	bool found = false;

	if (load(a, LINKS, &b))
		return false;
	for (size_t i = 0; i + CAPABILITY_LEN <= b.len; i += CAPABILITY_LEN)
		if (!capability_read(b.data + i, CAPABILITY_LEN, &c) &&
		    !memcmp(c.id, id, CAPABILITY_ID_LEN))
			found = true;
	buf_finish(&b);
	return found;
}

int caps_revoke(struct agent *a, const uint8_t cap[static CAPABILITY_LEN])
{
	struct capability c;
	int ret = capability_read(cap, CAPABILITY_LEN, &c);

	if (!ret)
		ret = append(a, REVOKE, c.id, CAPABILITY_ID_LEN);
	if (!ret)
		ret = append(a, REVOKED, c.id, CAPABILITY_ID_LEN);
	return ret;
}

int caps_revocations(struct agent *a, bool all, struct buf *out)
{
	int ret = db_get(a->db, all ? REVOKED : REVOKE, out);

	return ret == ERR_NOT_FOUND ? OK : ret;
}

int caps_revoked(struct agent *a, size_t n)
{
	struct buf b;
	int ret = load(a, REVOKE, &b);

	if (ret)
		return ret;
	buf_consume(&b, n < b.len ? n : b.len);
	return store(a, REVOKE, &b);
}
