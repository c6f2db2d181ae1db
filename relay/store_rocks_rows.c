#include "store_rocks.h"

#include <string.h>

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

static void note_put(struct rocks *r, const struct store_slot *slot,
		     const struct rocks_row *row,
		     const uint8_t id[static ROCKS_HASH_LEN])
{
	struct rocks_put *p;

	if (r->n_puts == r->cap_puts) {
		r->cap_puts = r->cap_puts ? r->cap_puts * 2 : 64;
		r->puts = xrealloc(r->puts, r->cap_puts * sizeof(*r->puts));
	}
	p = &r->puts[r->n_puts++];
	p->mailbox = slot->mailbox;
	p->victim = rocks_victim_of(row);
	p->victim.sequence = slot->sequence;
	memcpy(p->id, id, ROCKS_HASH_LEN);
	rocks_state_place(r, &slot->mailbox)->put_batch = r->batch_number;
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
	note_put(r, slot, row, id);
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

static void put_payload(struct rocks *r, const struct rocks_row *row,
			struct bytes payload, uint64_t users)
{
	uint8_t key[ROCKS_PAYLOAD_LEN + 1], count[8];

	rocks_payload_key(row->payload_key, 'd', key);
	rocks_put(r, ROCKS_PAYLOADS, key, sizeof(key), payload.data,
		  payload.len);
	rocks_payload_key(row->payload_key, 'n', key);
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
