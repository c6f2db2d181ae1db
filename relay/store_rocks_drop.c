#include "store_rocks.h"

#include <string.h>

#include "log.h"

/* A growing array of victims. */
struct victims {
	struct rocks_victim *v;
	size_t n, cap;
};

static void add_victim(struct victims *list, const struct rocks_victim *v)
{
	if (list->n == list->cap) {
		list->cap = list->cap ? list->cap * 2 : 16;
		list->v = xrealloc(list->v, list->cap * sizeof(*list->v));
	}
	list->v[list->n++] = *v;
}

/* Whether this batch deletes the row already, which the iterator cannot know. */
static int is_dropped(struct rocks *r, const uint8_t key[static ROCKS_ROW_LEN],
		      bool *dropped)
{
	uint8_t *value;
	size_t len;
	int err = rocks_get(r, ROCKS_ROWS, key, ROCKS_ROW_LEN, &value, &len);

	*dropped = err == ERR_NOT_FOUND;
	if (!err)
		free(value);
	return *dropped ? 0 : err;
}

/* ERR_NOT_FOUND ends the iteration: a row stored after hour. */
static int add_stored(struct rocks *r, rocksdb_iterator_t *it, bool check,
		      uint32_t hour, struct victims *list)
{
	struct rocks_victim v;
	struct rocks_row row;
	bool dropped = false;
	size_t key_len, len;
	const uint8_t *key, *value;
	int err;

	key = (const uint8_t *)rocksdb_iter_key(it, &key_len);
	value = (const uint8_t *)rocksdb_iter_value(it, &len);
	if (key_len != ROCKS_ROW_LEN)
		return ERR_CORRUPT;
	err = rocks_row_decode(value, len, &row);
	if (!err && row.hour > hour)
		err = ERR_NOT_FOUND;
	if (!err && check)
		err = is_dropped(r, key, &dropped);
	if (err || dropped)
		return err;
	v = rocks_victim_of(&row);
	v.sequence = get_u64(key + ROCKS_MAILBOX_LEN);
	add_victim(list, &v);
	return 0;
}

static int stored_victims(struct rocks *r, const struct mailbox_id *m,
			  uint64_t from, uint64_t upto, uint32_t hour,
			  size_t limit, struct victims *list)
{
	/* The bound is exclusive: the last key and a zero. */
	uint8_t first[ROCKS_ROW_LEN], last[ROCKS_ROW_LEN + 1] = { 0 };
	bool check = rocks_state_place(r, m)->drop_batch == r->batch_number;
	rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
	rocksdb_iterator_t *it;
	char *text = NULL;
	int err = 0;

	rocks_row_key(m, from, first);
	rocks_row_key(m, upto, last);
	rocksdb_readoptions_set_iterate_upper_bound(ro, (char *)last,
						    sizeof(last));
	it = rocksdb_create_iterator_cf(r->db, ro, r->family[ROCKS_ROWS]);
	for (rocksdb_iter_seek(it, (char *)first, sizeof(first));
	     !err && list->n < limit && rocksdb_iter_valid(it);
	     rocksdb_iter_next(it))
		err = add_stored(r, it, check, hour, list);
	if (err == ERR_NOT_FOUND)
		err = 0;
	rocksdb_iter_get_error(it, &text);
	if (text)
		err = rocks_failed(r, "cannot read rows", text);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(ro);
	return err;
}

/* Those of the batch are taken off its list, for they are dropped now. */
static void batch_victims(struct rocks *r, const struct mailbox_id *m,
			  uint64_t from, uint64_t upto, struct victims *list)
{
	if (rocks_state_place(r, m)->put_batch != r->batch_number)
		return;
	for (size_t i = 0; i < r->n_puts;) {
		struct rocks_put *p = &r->puts[i];

		if (p->victim.sequence < from || p->victim.sequence > upto ||
		    p->mailbox.device != m->device ||
		    !account_equal(&p->mailbox.account, &m->account)) {
			i++;
			continue;
		}
		add_victim(list, &p->victim);
		*p = r->puts[--r->n_puts];
	}
}

int rocks_victims(struct rocks *r, const struct mailbox_id *m, uint64_t from,
		  uint64_t upto, uint32_t hour, size_t limit,
		  struct rocks_victim **out, size_t *n)
{
	struct victims list = { .v = NULL };
	int err = stored_victims(r, m, from, upto, hour, limit, &list);

	if (err) {
		free(list.v);
		return err;
	}
	batch_victims(r, m, from, upto, &list);
	*out = list.v;
	*n = list.n;
	return 0;
}

/* Takes one off the count, and the payload away with the last. */
static int release(struct rocks *r, const struct rocks_victim *v)
{
	uint8_t data[ROCKS_PAYLOAD_LEN + 1], count[ROCKS_PAYLOAD_LEN + 1];
	uint8_t number[8], *value;
	size_t len;
	int err;

	rocks_payload_key(v->payload_key, 'd', data);
	rocks_payload_key(v->payload_key, 'n', count);
	err = rocks_get(r, ROCKS_PAYLOADS, count, sizeof(count), &value, &len);
	if (err == ERR_NOT_FOUND)
		log_error("store: a row's payload has no count");
	if (err)
		return err == ERR_NOT_FOUND ? 0 : err;
	if (len == 8 && get_u64(value) > 1) {
		put_u64(number, get_u64(value) - 1);
		rocks_put(r, ROCKS_PAYLOADS, count, sizeof(count), number, 8);
	} else {
		rocks_delete(r, ROCKS_PAYLOADS, count, sizeof(count));
		rocks_delete(r, ROCKS_PAYLOADS, data, sizeof(data));
	}
	free(value);
	return 0;
}

int rocks_drop(struct rocks *r, const struct mailbox_id *m,
	       struct rocks_state *s, const struct rocks_victim *v, size_t n)
{
	uint8_t key[ROCKS_ROW_LEN];

	rocks_state_place(r, m)->drop_batch = r->batch_number;
	for (size_t i = 0; i < n; i++) {
		int err = v[i].shared ? release(r, &v[i]) : 0;

		if (err)
			return err;
		rocks_row_key(m, v[i].sequence, key);
		rocks_delete(r, ROCKS_ROWS, key, sizeof(key));
		s->rows--;
		s->bytes -= v[i].size;
		if (v[i].intro) {
			s->intro_rows--;
			s->intro_bytes -= v[i].size;
		}
	}
	return 0;
}

int rocks_ack(struct rocks *r, struct store_op *op)
{
	const struct mailbox_id *m = &op->u.ack.mailbox;
	uint64_t upto = op->u.ack.upto;
	struct rocks_victim *v = NULL;
	struct rocks_state *s;
	size_t n = 0;
	int err = rocks_state_get(r, m, &s);

	if (err || upto <= s->cursor)
		return err;
	/* Nothing is looked for when the counter says that there is nothing:
	 * a live device's acks mostly delete no row. */
	if (s->rows > 0)
		err = rocks_victims(r, m, s->cursor + 1, upto, UINT32_MAX,
				    SIZE_MAX, &v, &n);
	if (!err)
		err = rocks_drop(r, m, s, v, n);
	free(v);
	if (err)
		return err;
	s->cursor = upto;
	rocks_state_changed(r, m);
	return 0;
}

void rocks_undo_note(struct rocks *r)
{
	if (r->n_puts == 0)
		return;
	r->undo = xrealloc(r->undo, (r->n_undo + r->n_puts) * sizeof(*r->undo));
	memcpy(r->undo + r->n_undo, r->puts, r->n_puts * sizeof(*r->puts));
	r->n_undo += r->n_puts;
}

/* Drops one row. *there: it was, so that the next batch must try again should
 * this one fail; what was not there now never will be. */
static int undo_one(struct rocks *r, const struct rocks_put *p, bool *there)
{
	uint8_t key[ROCKS_ROW_LEN];
	struct rocks_state *s;
	bool dropped;
	int err;

	rocks_row_key(&p->mailbox, p->victim.sequence, key);
	err = is_dropped(r, key, &dropped);
	*there = !dropped;
	if (err || dropped)
		return err;
	rocks_id_delete(r, p->id);
	err = rocks_state_get(r, &p->mailbox, &s);
	if (err)
		return err == ERR_NOT_FOUND ? ERR_CORRUPT : err;
	rocks_state_changed(r, &p->mailbox);
	return rocks_drop(r, &p->mailbox, s, &p->victim, 1);
}

int rocks_undo(struct rocks *r)
{
	size_t kept = 0;
	bool there;

	for (size_t i = 0; i < r->n_undo; i++) {
		int err = undo_one(r, &r->undo[i], &there);

		if (err)
			return err;
		if (there)
			r->undo[kept++] = r->undo[i];
	}
	r->n_undo = kept;
	return 0;
}

void rocks_undo_done(struct rocks *r)
{
	free(r->undo);
	r->undo = NULL;
	r->n_undo = 0;
}
