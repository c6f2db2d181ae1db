#include "store_rocks.h"

#include <string.h>

/* A direct-mapped cache: a state that gives way goes into the batch first. */

struct rocks_cached *rocks_state_place(struct rocks *r,
				       const struct mailbox_id *m)
{
	uint64_t h = get_u64(m->account.b) ^ m->device;

	return &r->states[h % ROCKS_STATES];
}

static bool holds(const struct rocks_cached *c, const struct mailbox_id *m)
{
	return c->used && c->mailbox.device == m->device &&
	       account_equal(&c->mailbox.account, &m->account);
}

static void write_back(struct rocks *r, struct rocks_cached *c)
{
	uint8_t key[ROCKS_DEVICE_LEN], value[ROCKS_STATE_LEN];

	if (!c->dirty)
		return;
	rocks_device_key(&c->mailbox, 's', key);
	rocks_state_encode(&c->state, value);
	rocks_put(r, ROCKS_DEVICES, key, sizeof(key), value, sizeof(value));
	c->dirty = false;
}

int rocks_state_get(struct rocks *r, const struct mailbox_id *m,
		    struct rocks_state **out)
{
	struct rocks_cached *c = rocks_state_place(r, m);
	struct rocks_state state;
	uint8_t key[ROCKS_DEVICE_LEN], *value;
	size_t len;
	int err;

	if (holds(c, m)) {
		*out = &c->state;
		return 0;
	}
	rocks_device_key(m, 's', key);
	err = rocks_get(r, ROCKS_DEVICES, key, sizeof(key), &value, &len);
	if (err)
		return err;
	err = rocks_state_decode(value, len, &state);
	free(value);
	if (err)
		return err;
	write_back(r, c);
	c->mailbox = *m;
	c->used = true;
	c->state = state;
	*out = &c->state;
	return 0;
}

void rocks_state_add(struct rocks *r, const struct mailbox_id *m)
{
	struct rocks_cached *c = rocks_state_place(r, m);

	write_back(r, c);
	c->mailbox = *m;
	c->used = true;
	c->state = (struct rocks_state){ .cursor = 0 };
	rocks_state_changed(r, m);
}

void rocks_state_changed(struct rocks *r, const struct mailbox_id *m)
{
	struct rocks_cached *c = rocks_state_place(r, m);

	if (c->dirty)
		return;
	c->dirty = true;
	/* A place may be listed twice when one gave way within a batch. */
	if (r->n_dirty == ROCKS_STATES)
		rocks_state_flush(r);
	c->dirty = true;
	r->dirty[r->n_dirty++] = (size_t)(c - r->states);
}

void rocks_state_remove(struct rocks *r, const struct mailbox_id *m)
{
	struct rocks_cached *c = rocks_state_place(r, m);
	uint8_t key[ROCKS_DEVICE_LEN];

	if (holds(c, m))
		c->used = c->dirty = false;
	rocks_device_key(m, 's', key);
	rocks_delete(r, ROCKS_DEVICES, key, sizeof(key));
}

void rocks_state_flush(struct rocks *r)
{
	for (size_t i = 0; i < r->n_dirty; i++)
		write_back(r, &r->states[r->dirty[i]]);
	r->n_dirty = 0;
}

void rocks_state_forget(struct rocks *r)
{
	for (size_t i = 0; i < ROCKS_STATES; i++)
		r->states[i].used = r->states[i].dirty = false;
	r->n_dirty = 0;
}
