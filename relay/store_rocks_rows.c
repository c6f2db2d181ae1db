#include "store_rocks.h"

#include <string.h>

#include "log.h"

/* The digest that an id stands for: what the recipient gets. The capability is
 * not in it, so that a repeat may carry a renewed one. */
static void digest(const struct rocks *r, const struct store_op *op,
		   const uint8_t payload_hash[static ROCKS_HASH_LEN],
		   const struct store_slot *slot,
		   uint8_t out[static ROCKS_HASH_LEN])
{
	const struct bytes parts[] = {
		{ op->u.envelope.ephemeral_key, 32 },
		{ payload_hash, ROCKS_HASH_LEN },
		slot->sealed,
	};

	rocks_id_hash(r, "slot", parts, 3, out);
}

static void slot_id(const struct rocks *r, const struct store_op *op,
		    const struct store_slot *slot,
		    uint8_t out[static ROCKS_HASH_LEN])
{
	uint8_t mailbox[ROCKS_MAILBOX_LEN];
	const struct bytes parts[] = {
		{ op->u.envelope.id, ENVELOPE_ID_LEN },
		{ mailbox, sizeof(mailbox) },
	};

	rocks_mailbox_key(&slot->mailbox, mailbox);
	rocks_id_hash(r, "id", parts, 2, out);
}

static bool fits(const struct rocks *r, const struct rocks_state *s,
		 bool intro, uint32_t size)
{
	const struct store_settings *q = &r->settings;
	uint64_t rows = (uint64_t)q->mailbox_rows * q->intro_share / 100;
	uint64_t bytes = q->mailbox_bytes / 100 * q->intro_share;

	if (s->rows >= q->mailbox_rows || s->bytes + size > q->mailbox_bytes)
		return false;
	return !intro ||
	       (s->intro_rows < rows && s->intro_bytes + size <= bytes);
}

static void add_row(struct rocks *r, const struct store_slot *slot,
		    const struct rocks_row *row, struct rocks_state *s)
{
	uint8_t key[ROCKS_ROW_LEN], expiry[ROCKS_EXPIRY_LEN];
	uint32_t size = rocks_row_size(row);

	rocks_row_key(&slot->mailbox, slot->sequence, key);
	rocks_row_encode(row, &r->scratch);
	rocks_put(r, ROCKS_ROWS, key, sizeof(key), r->scratch.data,
		  r->scratch.len);
	if (s->hour != row->hour || s->rows == 0) {
		put_u32(expiry, row->hour);
		rocks_mailbox_key(&slot->mailbox, expiry + 4);
		rocks_put(r, ROCKS_EXPIRY, expiry, sizeof(expiry), NULL, 0);
		s->hour = row->hour;
	}
	s->rows++;
	s->bytes += size;
	if (row->class == CAP_INTRO) {
		s->intro_rows++;
		s->intro_bytes += size;
	}
	if (s->last_sequence < slot->sequence)
		s->last_sequence = slot->sequence;
	rocks_state_changed(r, &slot->mailbox);
	rocks_rows_changed(r, &slot->mailbox);
}

/* Decides one slot, and writes it when it is to be stored. */
static int store_slot(struct rocks *r, const struct store_op *op,
		      const uint8_t payload_hash[static ROCKS_HASH_LEN],
		      struct rocks_row *row, struct store_slot *slot)
{
	uint8_t id[ROCKS_HASH_LEN], sum[ROCKS_HASH_LEN], *value;
	struct rocks_state *s;
	size_t len;
	int err;

	err = rocks_state_get(r, &slot->mailbox, &s);
	if (err == ERR_NOT_FOUND) {
		slot->status = STORE_SLOT_GONE;
		return 0;
	}
	if (err)
		return err;
	slot_id(r, op, slot, id);
	digest(r, op, payload_hash, slot, sum);
	err = rocks_id_get(r, id, &value, &len);
	if (!err) {
		slot->status = len == sizeof(sum) &&
				       memcmp(value, sum, len) == 0
			? STORE_SLOT_STORED : STORE_SLOT_CONFLICT;
		free(value);
		return 0;
	}
	if (err != ERR_NOT_FOUND)
		return err;
	row->class = slot->class;
	row->row.sealed = slot->sealed;
	memcpy(row->row.capability, slot->capability, CAPABILITY_ID_LEN);
	if (!fits(r, s, slot->class == CAP_INTRO, rocks_row_size(row))) {
		slot->status = STORE_SLOT_FULL;
		return 0;
	}
	add_row(r, slot, row, s);
	rocks_id_put(r, id, sum, sizeof(sum));
	slot->status = STORE_SLOT_STORED;
	return 1;
}

/* A row below the cursor would be neither read nor deleted any more. */
static int check_sequences(struct rocks *r, const struct store_op *op)
{
	for (size_t i = 0; i < op->u.envelope.n_slots; i++) {
		const struct store_slot *slot = &op->u.envelope.slots[i];
		struct rocks_state *s;
		int err = rocks_state_get(r, &slot->mailbox, &s);

		if (err && err != ERR_NOT_FOUND)
			return err;
		if (!err && slot->sequence <= s->cursor)
			return ERR_USAGE;
	}
	return 0;
}

static void payload_key(const uint8_t base[static ROCKS_PAYLOAD_LEN], char kind,
			uint8_t out[static ROCKS_PAYLOAD_LEN + 1])
{
	memcpy(out, base, ROCKS_PAYLOAD_LEN);
	out[ROCKS_PAYLOAD_LEN] = (uint8_t)kind;
}

static void put_payload(struct rocks *r, const struct rocks_row *row,
			struct bytes payload, uint64_t users)
{
	uint8_t key[ROCKS_PAYLOAD_LEN + 1], count[8];

	payload_key(row->payload_key, 'd', key);
	rocks_put(r, ROCKS_PAYLOADS, key, sizeof(key), payload.data,
		  payload.len);
	payload_key(row->payload_key, 'n', key);
	put_u64(count, users);
	rocks_put(r, ROCKS_PAYLOADS, key, sizeof(key), count, sizeof(count));
}

int rocks_envelope(struct rocks *r, struct store_op *op)
{
	struct bytes payload = op->u.envelope.payload;
	struct rocks_row row = { .hour = r->now / ROCKS_HOUR,
				 .payload_len = (uint32_t)payload.len };
	uint8_t payload_hash[ROCKS_HASH_LEN];
	uint64_t users = 0;
	int err = check_sequences(r, op);

	if (err)
		return err;
	memcpy(row.row.id, op->u.envelope.id, ENVELOPE_ID_LEN);
	memcpy(row.row.ephemeral_key, op->u.envelope.ephemeral_key, 32);
	rocks_id_hash(r, "payload", &payload, 1, payload_hash);
	row.shared = op->u.envelope.n_slots > 1;
	if (row.shared) {
		put_u32(row.payload_key, r->boot);
		put_u64(row.payload_key + 4, r->next_payload++);
	} else {
		row.row.payload = payload;
	}
	for (size_t i = 0; i < op->u.envelope.n_slots; i++) {
		err = store_slot(r, op, payload_hash, &row,
				 &op->u.envelope.slots[i]);
		if (err < 0)
			return err;
		users += (uint64_t)err;
	}
	if (row.shared && users > 0)
		put_payload(r, &row, payload, users);
	return 0;
}

static int victim(const uint8_t *value, size_t len, uint32_t hour,
		  struct rocks_victim *out)
{
	struct rocks_row row;
	int err = rocks_row_decode(value, len, &row);

	if (err)
		return err;
	if (row.hour > hour)
		return ERR_NOT_FOUND;
	out->size = rocks_row_size(&row);
	out->intro = row.class == CAP_INTRO;
	out->shared = row.shared;
	memcpy(out->payload_key, row.payload_key, ROCKS_PAYLOAD_LEN);
	return 0;
}

int rocks_victims(struct rocks *r, const struct mailbox_id *m, uint64_t from,
		  uint64_t upto, uint32_t hour, size_t limit,
		  struct rocks_victim **out, size_t *n)
{
	/* The bound is exclusive: the last key and a zero. */
	uint8_t first[ROCKS_ROW_LEN], last[ROCKS_ROW_LEN + 1] = { 0 };
	rocksdb_readoptions_t *ro = rocksdb_readoptions_create();
	struct rocks_victim *v = NULL;
	size_t count = 0, cap = 0, len;
	rocksdb_iterator_t *it;
	char *text = NULL;
	int err = 0;

	rocks_row_key(m, from, first);
	rocks_row_key(m, upto, last);
	rocksdb_readoptions_set_iterate_upper_bound(ro, (char *)last,
						    sizeof(last));
	it = rocksdb_create_iterator_cf(r->db, ro, r->family[ROCKS_ROWS]);
	for (rocksdb_iter_seek(it, (char *)first, sizeof(first));
	     count < limit && rocksdb_iter_valid(it); rocksdb_iter_next(it)) {
		const uint8_t *key = (const uint8_t *)rocksdb_iter_key(it,
								       &len);
		const uint8_t *value;

		if (count == cap) {
			cap = cap ? cap * 2 : 16;
			v = xrealloc(v, cap * sizeof(*v));
		}
		v[count].sequence = get_u64(key + ROCKS_MAILBOX_LEN);
		value = (const uint8_t *)rocksdb_iter_value(it, &len);
		err = victim(value, len, hour, &v[count]);
		if (err)
			break;
		count++;
	}
	if (err == ERR_NOT_FOUND)
		err = 0;
	rocksdb_iter_get_error(it, &text);
	if (text)
		err = rocks_failed(r, "cannot read rows", text);
	rocksdb_iter_destroy(it);
	rocksdb_readoptions_destroy(ro);
	if (err) {
		free(v);
		return err;
	}
	*out = v;
	*n = count;
	return 0;
}

/* Takes one off the count, and the payload away with the last. */
static int release(struct rocks *r, const struct rocks_victim *v)
{
	uint8_t data[ROCKS_PAYLOAD_LEN + 1], count[ROCKS_PAYLOAD_LEN + 1];
	uint8_t number[8], *value;
	size_t len;
	int err;

	payload_key(v->payload_key, 'd', data);
	payload_key(v->payload_key, 'n', count);
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

	rocks_rows_changed(r, m);
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
	if (s->rows > 0 && rocks_rows_in_batch(r, m))
		return ROCKS_SPLIT;
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
