#include "store_rocks.h"

#include <string.h>

enum { SWEEP_ROWS = 1024, SWEEP_MAILBOXES = 256 };

/* Rows of one mailbox that were stored in hour or before; *left is what remains
 * of the piece. *done: no more of them. */
static int expire(struct rocks *r, const struct mailbox_id *m, uint32_t hour,
		  size_t *left, bool *done)
{
	struct rocks_victim *v;
	struct rocks_state *s;
	size_t n;
	int err = rocks_state_get(r, m, &s);

	*done = true;
	if (err || s->rows == 0)
		return err == ERR_NOT_FOUND ? 0 : err;
	err = rocks_victims(r, m, s->cursor + 1, UINT64_MAX, hour, *left, &v,
			    &n);
	if (err)
		return err;
	*done = n < *left;
	*left -= n;
	err = rocks_drop(r, m, s, v, n);
	free(v);
	if (err || n == 0)
		return err;
	s->expired += n;
	rocks_state_changed(r, m);
	return 0;
}

/* The next mailboxes that got mail in hours before end, as whole keys. */
static int due(struct rocks *r, uint32_t end,
	       uint8_t (*keys)[ROCKS_EXPIRY_LEN], size_t *n)
{
	rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
	uint8_t bound[4];
	rocksdb_iterator_t *it;
	char *text = NULL;
	int err = 0;

	put_u32(bound, end);
	rocksdb_readoptions_set_iterate_upper_bound(ro, (char *)bound,
						    sizeof(bound));
	it = rocksdb_create_iterator_cf(r->db, ro, r->family[ROCKS_EXPIRY]);
	*n = 0;
	for (rocksdb_iter_seek_to_first(it);
	     *n < SWEEP_MAILBOXES && rocksdb_iter_valid(it);
	     rocksdb_iter_next(it)) {
		size_t len;
		const char *key = rocksdb_iter_key(it, &len);

		if (len == ROCKS_EXPIRY_LEN)
			memcpy(keys[(*n)++], key, len);
	}
	rocksdb_iter_get_error(it, &text);
	if (text)
		err = rocks_failed(r, "cannot read expiry", text);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(ro);
	return err;
}

static int sweep_rows(struct rocks *r, bool *more)
{
	uint8_t keys[SWEEP_MAILBOXES][ROCKS_EXPIRY_LEN];
	size_t n, left = SWEEP_ROWS, i;
	uint32_t end;
	int err;

	*more = false;
	if (r->now < r->settings.retention)
		return 0;
	/* An hour ends before the first of its rows is deleted, so that none is
	 * kept less than the retention. */
	end = (r->now - r->settings.retention) / ROCKS_HOUR;
	err = due(r, end, keys, &n);
	if (err)
		return err;
	for (i = 0; i < n && left > 0; i++) {
		struct mailbox_id m = rocks_mailbox_read(keys[i] + 4);
		bool done;

		err = expire(r, &m, get_u32(keys[i]), &left, &done);
		if (err)
			return err;
		if (done)
			rocks_delete(r, ROCKS_EXPIRY, keys[i],
				     ROCKS_EXPIRY_LEN);
	}
	*more = i < n || left == 0 || n == SWEEP_MAILBOXES;
	return 0;
}

/* All keys of a family that begin with a day before `day`. */
static int delete_days(struct rocks *r, enum rocks_family f, uint32_t day)
{
	const uint8_t from[4] = { 0 };
	rocksdb_writebatch_t *b;
	uint8_t upto[4];
	char *text = NULL;

	put_u32(upto, day);
	/* Whole files first: they cost nothing to drop. */
	rocksdb_delete_file_in_range_cf(r->db, r->family[f],
					(const char *)from, sizeof(from),
					(const char *)upto, sizeof(upto),
					&text);
	if (text)
		return rocks_failed(r, "cannot drop days", text);
	b = rocksdb_writebatch_create();
	rocksdb_writebatch_delete_range_cf(b, r->family[f], (const char *)from,
					   sizeof(from), (const char *)upto,
					   sizeof(upto));
	rocksdb_write(r->db, r->write, b, &text);
	rocksdb_writebatch_destroy(b);
	return text ? rocks_failed(r, "cannot delete days", text) : 0;
}

/* Ids of the days before yesterday; revocations that are older than the
 * capabilities can be. */
static int sweep_days(struct rocks *r)
{
	uint32_t day = r->now / ROCKS_DAY, life = CAPABILITY_HOURS / 24 + 1;
	int err;

	if (day == 0 || r->swept_day == day)
		return 0;
	err = delete_days(r, ROCKS_IDS, day - 1);
	if (!err && day > life)
		err = delete_days(r, ROCKS_REVOKED, day - life);
	if (!err)
		r->swept_day = day;
	return err;
}

int rocks_sweep(void *store, uint32_t now, bool *more)
{
	struct rocks *r = store;
	int err;

	*more = false;
	/* It comes again; the writer has said why. */
	if (r->settings.reserve && rocks_free(r) < r->settings.reserve / 4)
		return 0;
	err = rocks_enter(r, true);
	if (err)
		return err;
	r->now = now;
	err = rocks_undo(r);
	if (!err)
		err = sweep_days(r);
	if (!err)
		err = sweep_rows(r, more);
	if (!err)
		err = rocks_batch_write(r);
	if (err)
		rocks_batch_clear(r);
	rocks_leave(r);
	return err;
}
