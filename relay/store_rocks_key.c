#include "store_rocks.h"

#include <string.h>

enum { FORMAT = 1, SHARED = 0x80 };

void rocks_mailbox_key(const struct mailbox_id *m, uint8_t *out)
{
	memcpy(out, m->account.b, ACCOUNT_LEN);
	put_u32(out + ACCOUNT_LEN, m->device);
}

void rocks_device_key(const struct mailbox_id *m, char kind,
		      uint8_t out[static ROCKS_DEVICE_LEN])
{
	rocks_mailbox_key(m, out);
	out[ROCKS_MAILBOX_LEN] = (uint8_t)kind;
}

void rocks_row_key(const struct mailbox_id *m, uint64_t sequence,
		   uint8_t out[static ROCKS_ROW_LEN])
{
	rocks_mailbox_key(m, out);
	put_u64(out + ROCKS_MAILBOX_LEN, sequence);
}

struct mailbox_id rocks_mailbox_read(const uint8_t in[static ROCKS_MAILBOX_LEN])
{
	struct mailbox_id m;

	memcpy(m.account.b, in, ACCOUNT_LEN);
	m.device = get_u32(in + ACCOUNT_LEN);
	return m;
}

void rocks_state_encode(const struct rocks_state *s,
			uint8_t out[static ROCKS_STATE_LEN])
{
	uint8_t *p = out;

	*p++ = FORMAT;
	put_u64(p, s->cursor);
	put_u64(p + 8, s->last_sequence);
	put_u64(p + 16, s->token_counter);
	put_u64(p + 24, s->expired);
	put_u64(p + 32, s->bytes);
	put_u64(p + 40, s->intro_bytes);
	put_u32(p + 48, s->rows);
	put_u32(p + 52, s->intro_rows);
	put_u64(p + 56, s->prekey_head);
	put_u64(p + 64, s->prekey_tail);
	put_u32(p + 72, s->prekey_last);
	put_u32(p + 76, s->intro_credit);
	put_u32(p + 80, s->hour);
}

int rocks_state_decode(const uint8_t *in, size_t len, struct rocks_state *out)
{
	const uint8_t *p = in + 1;

	if (len != ROCKS_STATE_LEN || in[0] != FORMAT)
		return ERR_CORRUPT;
	*out = (struct rocks_state){
		.cursor = get_u64(p),
		.last_sequence = get_u64(p + 8),
		.token_counter = get_u64(p + 16),
		.expired = get_u64(p + 24),
		.bytes = get_u64(p + 32),
		.intro_bytes = get_u64(p + 40),
		.rows = get_u32(p + 48),
		.intro_rows = get_u32(p + 52),
		.prekey_head = get_u64(p + 56),
		.prekey_tail = get_u64(p + 64),
		.prekey_last = get_u32(p + 72),
		.intro_credit = get_u32(p + 76),
		.hour = get_u32(p + 80),
	};
	return 0;
}

void rocks_row_encode(const struct rocks_row *r, struct buf *out)
{
	struct bytes tail = r->row.payload;
	size_t sealed = r->row.sealed.len;
	uint8_t *p;

	if (r->shared)
		tail = (struct bytes){ r->payload_key, ROCKS_PAYLOAD_LEN };
	buf_clear(out);
	p = buf_reserve(out, ROCKS_ROW_HEAD + sealed + tail.len);
	if (!p)
		abort();	/* the frame's limits are far below */
	out->len = ROCKS_ROW_HEAD + sealed + tail.len;
	p[0] = FORMAT;
	p[1] = (uint8_t)((unsigned)r->class | (r->shared ? SHARED : 0));
	put_u32(p + 2, r->hour);
	memcpy(p + 6, r->row.id, ENVELOPE_ID_LEN);
	memcpy(p + 22, r->row.capability, CAPABILITY_ID_LEN);
	memcpy(p + 34, r->row.ephemeral_key, 32);
	put_u32(p + 66, r->payload_len);
	p[70] = (uint8_t)(sealed >> 8);
	p[71] = (uint8_t)sealed;
	if (sealed)
		memcpy(p + ROCKS_ROW_HEAD, r->row.sealed.data, sealed);
	if (tail.len)
		memcpy(p + ROCKS_ROW_HEAD + sealed, tail.data, tail.len);
}

int rocks_row_decode(const uint8_t *in, size_t len, struct rocks_row *out)
{
	struct rocks_row r = { 0 };
	size_t sealed, rest;

	if (len < ROCKS_ROW_HEAD || in[0] != FORMAT)
		return ERR_CORRUPT;
	r.class = (enum capability_class)(in[1] & ~SHARED);
	r.shared = in[1] & SHARED;
	r.hour = get_u32(in + 2);
	memcpy(r.row.id, in + 6, ENVELOPE_ID_LEN);
	memcpy(r.row.capability, in + 22, CAPABILITY_ID_LEN);
	memcpy(r.row.ephemeral_key, in + 34, 32);
	r.payload_len = get_u32(in + 66);
	sealed = (size_t)in[70] << 8 | in[71];
	if (len - ROCKS_ROW_HEAD < sealed)
		return ERR_CORRUPT;
	rest = len - ROCKS_ROW_HEAD - sealed;
	if (rest != (r.shared ? ROCKS_PAYLOAD_LEN : r.payload_len))
		return ERR_CORRUPT;
	r.row.sealed = (struct bytes){ in + ROCKS_ROW_HEAD, sealed };
	if (r.shared)
		memcpy(r.payload_key, in + len - rest, rest);
	else
		r.row.payload = (struct bytes){ in + len - rest, rest };
	*out = r;
	return 0;
}

void rocks_payload_key(const uint8_t base[static ROCKS_PAYLOAD_LEN], char kind,
		       uint8_t out[static ROCKS_PAYLOAD_LEN + 1])
{
	memcpy(out, base, ROCKS_PAYLOAD_LEN);
	out[ROCKS_PAYLOAD_LEN] = (uint8_t)kind;
}

struct rocks_victim rocks_victim_of(const struct rocks_row *row)
{
	struct rocks_victim v = {
		.sequence = row->row.sequence,
		.size = rocks_row_size(row),
		.intro = row->class == CAP_INTRO,
		.shared = row->shared,
	};

	memcpy(v.payload_key, row->payload_key, ROCKS_PAYLOAD_LEN);
	return v;
}

uint32_t rocks_row_size(const struct rocks_row *r)
{
	return ROCKS_ROW_LEN + ROCKS_ROW_HEAD + (uint32_t)r->row.sealed.len +
	       r->payload_len;
}

int rocks_list_devices(struct bytes list, uint32_t ids[static DEVICES_MAX],
		       size_t *n)
{
	Sotto__DeviceList *l;
	int err = ERR_FORMAT;

	if (list.len > DEVICE_LIST_BYTES_MAX)
		return ERR_FORMAT;
	l = sotto__device_list__unpack(NULL, list.len, list.data);
	if (!l)
		return ERR_FORMAT;
	if (l->n_devices >= 1 && l->n_devices <= DEVICES_MAX) {
		for (size_t i = 0; i < l->n_devices; i++)
			ids[i] = l->devices[i]->id;
		*n = l->n_devices;
		err = 0;
	}
	sotto__device_list__free_unpacked(l, NULL);
	return err;
}
